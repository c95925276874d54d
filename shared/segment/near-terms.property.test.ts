import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createLexicon, editDistance, likeliest, lookUpWord } from '../retrieval/spelling.ts'
import { findNear, siftTerms } from './near-terms.ts'

/** Letters of one to three bytes, so that terms share some bytes of a letter. */
const word = fc.string({ unit: fc.constantFrom(...'abcéèя蓝'), minLength: 1, maxLength: 9 })
const dictionary = fc.uniqueArray(word, { minLength: 1, maxLength: 60 })

it('finds the terms that a scan finds, in the order of the dictionary, with the same distances', () => {
  fc.assert(
    fc.property(dictionary, word, fc.constantFrom(1, 2, 3), (terms, asked, max) => {
      const [part] = createLexicon(new Map(terms.map((term) => [term, 1]))).parts
      const { bytes, offsets } = part!.sifted.terms
      const decoder = new TextDecoder()
      const found: [string, number][] = []
      findNear(part!.sifted, asked, max, (at, distance) =>
        found.push([decoder.decode(bytes.subarray(offsets[at]!, offsets[at + 1]!)), distance]),
      )
      const expected = terms
        .map((term): [string, number] => [term, editDistance(asked, term, max)])
        .filter(([, distance]) => distance <= max)
        .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(found).toEqual(expected)
    }),
    { seed: 6, numRuns: 500 },
  )
})

it('passes over ids, facets and numbers', () => {
  const [part] = createLexicon(
    new Map(['#lamp', '=lamp=lamp', '^lamp', '1amp', 'lamp'].map((term) => [term, 1])),
  ).parts
  const found: number[] = []
  findNear(part!.sifted, 'lamp', 1, (at) => found.push(at))
  expect(found).toEqual([4])
})

it('lists the same words as a scan, and ranks them by likelihood', () => {
  fc.assert(
    fc.property(
      dictionary,
      // No ending among these letters, so that words are their own stems.
      fc.string({ unit: fc.constantFrom(...'abc'), minLength: 4, maxLength: 9 }),
      (terms, asked) => {
        const counts = new Map(terms.map((term, at) => [term, 1 + (at % 3)]))
        const max = asked.length >= 5 ? 2 : 1
        const near = terms
          .filter((term) => term.length >= 2)
          .map((term) => ({ term, distance: editDistance(asked, term, max), df: counts.get(term)! }))
          .filter(({ distance }) => distance <= max)
        expect(lookUpWord(() => createLexicon(counts), asked)).toEqual(likeliest(asked, near))
      },
    ),
    { seed: 8, numRuns: 300 },
  )
})

it('ends on a dictionary whose bytes are no text and in no order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 0, maxLength: 6 }), { maxLength: 30 }),
      word,
      (terms, asked) => {
        const offsets = Int32Array.from(
          [0, ...terms].map((_, at) => terms.slice(0, at).reduce((sum, { length }) => sum + length, 0)),
        )
        const bytes = Uint8Array.from(terms.flatMap((term) => [...term]))
        let found = 0
        findNear(siftTerms({ count: terms.length, bytes, offsets }), asked, 2, () => found++)
        expect(found).toBeLessThanOrEqual(terms.length)
      },
    ),
    { seed: 5, numRuns: 300 },
  )
})
