import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyseQuery } from '../text/analyse.ts'
import { isOpen } from '../vector/engine.ts'
import { fixtureIndex, fixtureManifest, fixtureSegment } from './fixture.ts'
import { acceptAmong, createIndexItems, maskAmong } from './item-source.ts'
import { buildIndex } from './load-index.ts'

describe('items of an index', () => {
  it('are searched among the same documents that are accepted one by one', async () => {
    const stock = fc.array(fc.constantFrom(0, 3, null), { minLength: 1, maxLength: 50 })
    await fc.assert(
      fc.asyncProperty(stock, stock, fc.array(fc.nat(99)), fc.boolean(), async (a, b, picks, inStock) => {
        const segmentOf = (stocks: readonly (number | null)[], from: number) =>
          fixtureSegment(
            stocks.map((own, at) => ({ id: `i${from + at}`, title: 'lamp', stock: own })),
            { from },
          )
        const segments = [await segmentOf(a, 1), await segmentOf(b, 101)]
        const index = buildIndex(fixtureManifest(segments.map(({ ref }) => ref)), segments)
        const docs = Array.from({ length: index.docCount }, (_, doc) => doc)
        const filter = [{ kind: 'range' as const, field: 'stock' as const, op: '>' as const, value: 1 }]
        const among = {
          ...{ inStock, excluded: new Set(picks.map((pick) => pick % index.docCount)) },
          ...(picks.length % 3 === 0 ? { filter } : {}),
        }
        const accepted = docs.filter(acceptAmong(index, among))
        const mask = maskAmong(index, among)
        expect(docs.filter((doc) => isOpen(mask, doc))).toEqual(accepted)
        const items = createIndexItems(index)
        const found = await items.matching(analyseQuery('lamp '), 200, among)
        expect(found.map(({ doc }) => doc).sort((x, y) => x - y)).toEqual(accepted)
        const newest = await items.newest(5, among)
        expect(newest.map(({ doc }) => doc)).toEqual(accepted.toReversed().slice(0, 5))
      }),
      { seed: 61, numRuns: 40 },
    )
  })

  it('that came last are found also where only old ones may be shown', async () => {
    const items = Array.from({ length: 1_500 }, (_, n) => ({
      id: `i${n}`,
      title: 'lamp',
      brand: n < 40 ? 'Old' : 'New',
    }))
    const filter = [{ kind: 'facet' as const, name: 'brand', value: 'old', negated: false }]
    const among = { inStock: true, excluded: new Set([39]), filter }
    const found = await createIndexItems(await fixtureIndex(items)).newest(3, among)
    expect(found.map(({ score }) => score)).toEqual([39, 38, 37])
  })

  it('are matched by the words of an item as it has them', async () => {
    const titles = [...Array(30).fill('wireless speaker'), 'wireless speker']
    const index = await fixtureIndex(titles.map((title, at) => ({ id: `i${at}`, title })))
    const among = { inStock: false, excluded: new Set<number>() }
    const found = await createIndexItems(index).matching(analyseQuery('speker '), 50, among)
    expect(found.map(({ doc }) => index.title(doc))).toEqual(['wireless speker'])
  })
})
