import { describe, expect, it } from 'vitest'
import { fixtureIndex, fixtureManifest } from './fixture.ts'
import { combine } from './hybrid.ts'

const ITEMS = [
  { id: 'a', title: 'red lamp' },
  { id: 'b', title: 'blue lamp' },
  { id: 'c', title: 'green chair' },
]
const LEXICAL = [
  { doc: 0, score: 2, found: 1 },
  { doc: 1, score: 1, found: 1 },
]
const VECTOR = {
  nearest: [
    { doc: 2, score: 0.9 },
    { doc: 1, score: 0.8 },
  ],
  cosines: [0, 0.8],
}
const docsOf = (list: { doc: number }[]) => list.map(({ doc }) => doc)
const trained = { model: { ...fixtureManifest([]).model, trained: true } }

describe('combine', () => {
  it('with a trained model adds what only the vectors found', async () => {
    const index = await fixtureIndex(ITEMS, trained)
    expect(docsOf(combine(index, LEXICAL, VECTOR, 0.3)).sort()).toEqual([0, 1, 2])
  })
  it('leaves out what no word found and what is further than answers are', async () => {
    const index = await fixtureIndex(ITEMS, { ...trained, fusion: { vectorWeight: 0.3, nearMin: 0.95 } })
    expect(docsOf(combine(index, LEXICAL, VECTOR, 0.3)).sort()).toEqual([0, 1])
    expect(combine(index, [], VECTOR, 0.3)).toEqual([])
    // Who asks for vectors alone gets the nearest.
    expect(docsOf(combine(index, [], VECTOR, 1))).toEqual([2, 1])
  })
  it('with an untrained model only reorders what the words found', async () => {
    const index = await fixtureIndex(ITEMS)
    expect(docsOf(combine(index, LEXICAL, VECTOR, 0.5)).sort()).toEqual([0, 1])
    expect(combine(index, [], VECTOR, 0.5)).toEqual([])
  })
  it('is the lexical list at weight 0 and the vector list at weight 1', async () => {
    const index = await fixtureIndex(ITEMS)
    expect(docsOf(combine(index, LEXICAL, VECTOR, 0))).toEqual([0, 1])
    expect(docsOf(combine(index, LEXICAL, VECTOR, 1))).toEqual([2, 1])
  })
})
