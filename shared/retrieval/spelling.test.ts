import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse, analyseQuery } from '../text/analyse.ts'
import { fixtureIndex } from './fixture.ts'
import { planLexical, searchLexical } from './lexical.ts'
import { createLexicon, editDistance, likeliest, lookUpWord, splitWord, wordsNear } from './spelling.ts'
import { statisticsOf } from './statistics.ts'

const titles = [
  'wireless keyboard',
  'wireless mouse',
  'stainless steel kettle',
  'stained glass lamp',
  'wood pellets',
  'wood stove fuel',
  'pellets for stoves, fuel',
  'fuel pellets',
  'pemko door sill',
  'wood lamp',
]
const index = await fixtureIndex(titles.map((title, at) => ({ id: `i${at}`, title })))
const found = (query: string) =>
  searchLexical(index, analyseQuery(`${query} `), 10).matches.map(({ doc }) => index.title(doc))

describe('a word that no item has', () => {
  it.each([
    ['wirless mouse', 'wireless mouse'],
    ['wireless keybaord', 'wireless keyboard'],
    ['stainles kettle', 'stainless steel kettle'],
    ['keyb0oard', 'wireless keyboard'],
    ['fuelpellets', 'fuel pellets'],
  ])('"%s" finds what was meant', (query, title) => {
    expect(found(query)[0]).toBe(title)
  })
  it.each(['zzzzzz', 'xk', 'tv9000', 'mou'])('"%s" is like none and finds nothing', (query) => {
    expect(found(query)).toEqual([])
  })
  it('leaves a word alone that some item has', () => {
    expect(found('stained')).toEqual(['stained glass lamp'])
  })
})

describe('corrections', () => {
  const meant = (counts: Record<string, number>, word: string) =>
    lookUpWord(() => createLexicon(new Map(Object.entries(counts))), word).map(({ term }) => term)
  it('are the likeliest first: few edits, frequent, with the same first letter', () => {
    expect(
      likeliest('wirelss', wordsNear(index, 'wirelss')).map(({ term, distance }) => [term, distance]),
    ).toEqual([['wireless', 1]])
    expect(meant({ fenc: 500, sens: 100 }, 'fense')).toEqual(['fenc', 'sens'])
    expect(meant({ color: 500, cola: 20, coir: 30 }, 'colr')).toEqual(['color', 'coir', 'cola'])
    expect(meant({ panel: 1_000, pannet: 1 }, 'pannel')).toEqual(['panel'])
  })
  // Each stem is two edits or more from the word as typed.
  it.each([
    ['vlve', 'valve'],
    ['elrctric', 'electric'],
    ['vegtable', 'vegetable'],
    ['fraiming', 'framing'],
    ['saftey', 'safety'],
  ])('of "%s" count edits from the word "%s", not from its stem', (typed, word) => {
    const [term] = analyse(word)
    expect(lookUpWord(() => createLexicon(new Map([[term!, 1]])), typed)).toMatchObject([
      { term, distance: 1 },
    ])
  })
  it('are the same when asked again', () => {
    expect(wordsNear(index, 'kettel')).toEqual(wordsNear(index, 'kettel'))
  })
  it('weigh as much as the word that was meant', () => {
    const weights = (query: string) =>
      planLexical(statisticsOf(index), analyseQuery(`${query} `)).words.map(({ weight }) => weight)
    expect(weights('stove keybaord')).toEqual(weights('stove keyboard'))
  })
})

describe('two words', () => {
  it('that the shop writes as one are found as one', async () => {
    const shop = await fixtureIndex(
      ['Roundup nozzle', 'Roundup weed killer', 'round table', 'pop up tent'].map((title, at) => ({
        id: `i${at}`,
        title,
      })),
    )
    const [first, second] = searchLexical(shop, analyseQuery('round up '), 10).matches
    expect([first, second].map((match) => shop.title(match!.doc)).sort()).toEqual([
      'Roundup nozzle',
      'Roundup weed killer',
    ])
  })
})

describe('two words typed as one', () => {
  const termOf = (half: string) => analyse(half)[0] ?? half
  it('are cut where both halves are words', () => {
    expect(splitWord(statisticsOf(index).df, 'woodpellets', termOf)).toEqual(['wood', 'pellet'])
  })
  it('are left when a half is in too few items', () => {
    expect(splitWord(statisticsOf(index).df, 'doorsill', termOf)).toBeNull()
  })
})

describe('the edit distance', () => {
  const word = fc.string({ unit: fc.constantFrom(...'abc'), maxLength: 6 })
  it('is that of the definition on words by hand', () => {
    expect([
      editDistance('sofa', 'sofa', 2),
      editDistance('sofa', 'soaf', 2),
      editDistance('kitten', 'sitting', 5),
      editDistance('kitten', 'sitting', 2),
    ]).toEqual([0, 1, 3, 3])
  })
  it('is symmetric, 0 only between equals, and at least the difference of the lengths', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b, 9)
        expect(distance).toBe(editDistance(b, a, 9))
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      }),
    )
  })
  it('is at most one after one edit', () => {
    fc.assert(
      fc.property(word, fc.nat(6), fc.constantFrom(...'abc'), (a, place, letter) => {
        const at = Math.min(place, a.length)
        expect(editDistance(a, a.slice(0, at) + letter + a.slice(at), 9)).toBeLessThanOrEqual(1)
        expect(editDistance(a, a.slice(0, at) + a.slice(at + 1), 9)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
