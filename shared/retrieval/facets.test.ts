import { describe, expect, it } from 'vitest'
import type { FacetName } from '../schema/replies.ts'
import { analyseQuery } from '../text/analyse.ts'
import { facetsOf, tallyFacets } from './facets.ts'
import { compileFilter, parseFilter } from './filter.ts'
import { fixtureIndex, fixtureManifest, fixtureSegment } from './fixture.ts'
import { searchLexical } from './lexical.ts'
import { buildIndex, type Index } from './load-index.ts'

const countFacets = (index: Index, seen: Uint8Array, names: readonly FacetName[]) =>
  facetsOf(tallyFacets(index, seen, names))
const lamp = (at: number, more: object) => ({ id: `i${at}`, title: `lamp ${at}`, ...more })
const all = (index: Index) => {
  const seen = new Uint8Array(index.docCount)
  searchLexical(index, analyseQuery('lamp '), 1, undefined, seen)
  return seen
}
const countOf = (index: Index, text: string) => {
  const filter = parseFilter(text)
  if (!filter.ok) throw new Error(filter.error.message)
  return searchLexical(index, analyseQuery('lamp '), 1, compileFilter(index, filter.value)).total
}

describe('facets', () => {
  it('count brands over all matches, most first, without the items that have none', async () => {
    const brands = ['Nord', 'Sona', 'Nord', '', 'Alba', 'Nord', 'Alba']
    const index = await fixtureIndex([
      ...brands.map((brand, at) => lamp(at, { brand })),
      { id: 'chair', title: 'chair', brand: 'Nord' },
    ])
    expect(countFacets(index, all(index), ['brand'])).toEqual({
      brand: [
        { value: 'Nord', count: 3 },
        { value: 'Alba', count: 2 },
        { value: 'Sona', count: 1 },
      ],
    })
  })

  it('count every level of a category path', async () => {
    const paths = [['Home', 'Lamps'], ['Home', 'Lamps'], ['Home', 'Shades'], []]
    const index = await fixtureIndex(paths.map((category, at) => lamp(at, { category })))
    expect(countFacets(index, all(index), ['category']).category).toEqual([
      { value: 'Home', path: ['Home'], count: 3 },
      { value: 'Lamps', path: ['Home', 'Lamps'], count: 2 },
      { value: 'Shades', path: ['Home', 'Shades'], count: 1 },
    ])
  })

  it('count what the filters that they stand for would find', async () => {
    const prices = [
      0,
      0.01,
      0.99,
      1,
      4.99,
      5,
      12,
      15,
      49,
      50,
      99,
      100,
      1_999,
      2_000,
      250_000,
      99_000_000,
      null,
    ]
    const index = await fixtureIndex(prices.map((price, at) => lamp(at, { price, brand: `B${at % 3}` })))
    const { price, brand } = countFacets(index, all(index), ['price', 'brand'])
    expect(price!.length).toBeLessThanOrEqual(6)
    for (const { from, to, count } of price!)
      expect(countOf(index, `price>=${from} AND price<${to}`)).toBe(count)
    expect(price!.reduce((sum, { count }) => sum + count, 0)).toBe(16)
    expect(price!.slice(1).map(({ from }) => from)).toEqual(price!.slice(0, -1).map(({ to }) => to))
    for (const { value, count } of brand!) expect(countOf(index, `brand="${value}"`)).toBe(count)
  })

  it('add up over segments and leave out rows that are superseded or removed', async () => {
    const old = await fixtureSegment([
      lamp(1, { brand: 'Nord' }),
      lamp(2, { brand: 'Sona' }),
      lamp(3, { brand: 'Nord' }),
    ])
    const young = await fixtureSegment(
      [lamp(4, { brand: 'Alba' }), { number: 2, removed: true }, lamp(5, { brand: 'Sona' })],
      {
        from: 1,
        version: 2,
        id: 'young',
      },
    )
    const index = buildIndex(fixtureManifest([old.ref, young.ref]), [old, young])
    expect(countFacets(index, all(index), ['brand']).brand).toEqual([
      { value: 'Alba', count: 1 },
      { value: 'Sona', count: 1 },
    ])
  })

  it('are empty lists where nothing matches', async () => {
    const index = await fixtureIndex([
      { id: 'a', title: 'chair', price: 3, brand: 'Nord', category: ['Home'] },
    ])
    expect(countFacets(index, all(index), ['brand', 'category', 'price'])).toEqual({
      brand: [],
      category: [],
      price: [],
    })
  })
})
