import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fuse, takeBest } from './fusion.ts'

const score = fc.double({ min: 0, max: 2, noNaN: true })
/** Few different ones, so that some are equal. */
const tied = fc.oneof(score, fc.constantFrom(0, 0.5, 1))

it('takes what a stable sort puts first', () => {
  fc.assert(
    fc.property(fc.array(tied, { maxLength: 40 }), fc.nat(50), (scores, count) => {
      const list = scores.map((score, doc) => ({ doc, score }))
      const sorted = list.toSorted((a, b) => b.score - a.score)
      expect(takeBest(list, count)).toEqual(sorted.slice(0, count))
      const lastFirst = (a: { doc: number }, b: { doc: number }) => b.doc - a.doc
      expect(takeBest(list, count, lastFirst)).toEqual(
        list.toSorted((a, b) => b.score - a.score || lastFirst(a, b)).slice(0, count),
      )
    }),
    { seed: 41 },
  )
})

it('adds up what both lists give a document, and leaves out what no word found and is not near enough', () => {
  const cosine = fc.double({ min: -1, max: 1, noNaN: true })
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(30), { maxLength: 12 }),
      fc.uniqueArray(fc.nat(30), { maxLength: 12 }),
      fc.array(cosine, { minLength: 12, maxLength: 12 }),
      fc.constantFrom(-1, 0.2, Number.POSITIVE_INFINITY),
      (lexicalDocs, nearDocs, cosines, nearMin) => {
        const lexical = lexicalDocs.map((doc, at) => ({ doc, score: 20 - at, found: at + 1 }))
        const nearest = nearDocs.map((doc, at) => ({ doc, score: 1 - at / 10 }))
        const fused = fuse(lexical, { nearest, cosines }, { vectorWeight: 0.3, nearMin })
        const near = new Map(nearest.map(({ doc, score }) => [doc, score]))
        const expected = [
          ...lexical.map(({ doc, score, found }, at) => {
            const own = Math.max(0, near.get(doc) ?? cosines[at]!)
            return { doc, score: (0.7 * score) / 20 + 0.3 * own, found }
          }),
          ...nearest
            .filter(({ doc, score }) => !lexicalDocs.includes(doc) && score >= nearMin)
            .map(({ doc, score }) => ({ doc, score: 0.3 * Math.max(0, score), found: 0 })),
        ]
        expect(fused).toEqual(expected)
      },
    ),
    { seed: 42 },
  )
})
