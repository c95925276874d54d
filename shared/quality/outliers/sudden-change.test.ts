import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Item } from '../../schema/item.ts'
import { priceUnlikeNeighbours } from './neighbours.ts'
import { suddenChanges } from './sudden-change.ts'

const before = Item.parse({
  ...{
    id: 'a',
    title: 'Steel desk lamp',
    price: 12.99,
    currency: 'EUR',
    attributes: { weight: 800, colour: 'red' },
  },
})
const rules = (patch: Partial<Item>) => suddenChanges(before, { ...before, ...patch }).map(({ rule }) => rule)

describe('a change against the own history', () => {
  it('tells a lost decimal point from a new price', () => {
    const [slip] = suddenChanges(before, { ...before, price: 1_299 })
    expect(slip).toMatchObject({ rule: 'sudden-price-change', repair: { value: 12.99 } })
    const [dearer] = suddenChanges(before, { ...before, price: 80 })
    expect(dearer).toMatchObject({ rule: 'sudden-price-change', evidence: '12.99 → 80' })
    expect(dearer!.repair).toBeUndefined()
  })

  it('lets sales and bundles pass', () => {
    expect(rules({ price: 4 })).toEqual([])
    expect(rules({ price: 25.98 })).toEqual([])
  })

  it('does not compare currencies, and nothing with a price that was missing', () => {
    expect(rules({ price: 2_000, currency: 'JPY' })).toEqual([])
    expect(suddenChanges({ ...before, price: null }, before)).toEqual([])
  })

  it('finds units changed in an attribute, and another product under an old id', () => {
    expect(rules({ attributes: { weight: 0.8 } })).toEqual(['sudden-attribute-change'])
    expect(rules({ title: 'Garden hose 20 m' })).toEqual(['sudden-title-change'])
    expect(rules({ title: 'Desk lamp, steel, black' })).toEqual([])
  })

  it('is silent after its repair, and about no change', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (price) => {
        const [found] = suddenChanges(before, { ...before, price })
        if (found?.repair === undefined) return
        expect(suddenChanges(before, { ...before, price: found.repair.value as number })).toEqual([])
      }),
      { seed: 3 },
    )
    expect(suddenChanges(before, before)).toEqual([])
  })
})

describe('isolation among neighbours', () => {
  it('finds a price far from those of the nearest items', () => {
    const nearest = [10, 11, 12, 9, 10, 13]
    expect(priceUnlikeNeighbours(1_000, nearest)).toMatchObject([{ rule: 'price-unlike-neighbours' }])
    expect(priceUnlikeNeighbours(16, nearest)).toEqual([])
  })

  it('needs five neighbours with a price', () => {
    expect(priceUnlikeNeighbours(1_000, [10, 11, 12, 9, 0, Number.NaN])).toEqual([])
  })

  it('does not depend on their order or on the unit of money', () => {
    const prices = fc.array(fc.double({ min: 0.01, max: 1e5, noNaN: true }), { minLength: 5, maxLength: 12 })
    fc.assert(
      fc.property(prices, fc.double({ min: 0.01, max: 1e5, noNaN: true }), (nearest, price) => {
        const found = priceUnlikeNeighbours(price, nearest).length
        expect(priceUnlikeNeighbours(price, nearest.toReversed())).toHaveLength(found)
        expect(
          priceUnlikeNeighbours(
            8 * price,
            nearest.map((one) => 8 * one),
          ),
        ).toHaveLength(found)
      }),
      { seed: 4 },
    )
  })
})
