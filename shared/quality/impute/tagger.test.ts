import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../lib/random.ts'
import { findSpans, learnTagger } from './tagger.ts'
import { wordFeatures, wordsWithPlaces } from './words.ts'

const featuresOf = (text: string) => wordFeatures(text, wordsWithPlaces(text), true)
const NOUNS = ['lamp', 'chair', 'hose', 'kettle', 'drill']
const MAKERS = ['Arvo', 'Blenko', 'Corvex', 'Dinsdale', 'Ember & Oak'.replace(' & ', ' ')]

/** The maker stands first or after "by", and names of other makers after "for" are no makers. */
function titles(count: number, seed: number) {
  const random = createRandom(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  return Array.from({ length: count }, () => {
    const [maker, other, noun] = [pick(MAKERS), pick(MAKERS), pick(NOUNS)]
    const length = maker.split(' ').length
    const first = random() < 0.5
    const title = first ? `${maker} ${noun} for ${other}` : `New ${noun} by ${maker} red`
    const from = first ? 0 : 3
    return { title, spans: [{ from, to: from + length }] }
  })
}
const tagger = learnTagger(titles(400, 1).map(({ title, spans }) => ({ features: featuresOf(title), spans })))
const found = (title: string) => {
  const words = wordsWithPlaces(title)
  return findSpans(tagger, featuresOf(title)).map(({ from, to }) =>
    title.slice(words[from]!.from, words[to - 1]!.to),
  )
}

describe('the tagger', () => {
  it('finds names by where they stand, not by which they are', () => {
    expect(found('Corvex drill for Arvo')).toEqual(['Corvex'])
    expect(found('New kettle by Ember Oak red')).toEqual(['Ember Oak'])
    expect(found('New chair by Zanzo red')).toEqual(['Zanzo'])
  })

  it('is sure of what it has seen often', () => {
    const [span] = findSpans(tagger, featuresOf('Arvo lamp for Blenko'))
    expect(span!.probability).toBeGreaterThan(0.9)
    expect(span!.probability).toBeLessThanOrEqual(1)
  })

  it('gives spans in order that do not overlap, each with a probability, for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc
        .array(fc.constantFrom(...MAKERS, ...NOUNS, 'by', 'for', '红色'), { maxLength: 60 })
        .map((words) => words.join(' ')),
    )
    fc.assert(
      fc.property(text, (title) => {
        let end = 0
        for (const { from, to, probability } of findSpans(tagger, featuresOf(title))) {
          expect(from).toBeGreaterThanOrEqual(end)
          expect(to).toBeGreaterThan(from)
          expect(probability).toBeGreaterThan(0)
          expect(probability).toBeLessThanOrEqual(1)
          end = to
        }
        expect(end).toBeLessThanOrEqual(wordsWithPlaces(title).length)
      }),
      { seed: 1, numRuns: 60 },
    )
  })
})
