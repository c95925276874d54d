import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { fixtureIndex } from '../../shared/retrieval/fixture.ts'
import { createIndexItems, type ItemSource } from '../../shared/retrieval/item-source.ts'
import { affinitiesOf, bandStart, HALF_LIFE_WEEKS, priceBand } from './affinities.ts'
import { EMPTY_PROFILE, type ItemWeek, WEEK_MS } from './profile.ts'
import { showProfile } from './show.ts'

const NOW = 1_760_000_000_000
const WEEK = Math.floor(NOW / WEEK_MS)
const nowMs = (WEEK + 1) * WEEK_MS
let items: ItemSource
beforeAll(async () => {
  items = createIndexItems(
    await fixtureIndex([
      { id: 'a', title: 'lamp', brand: 'Nord', category: ['Home', 'Lamps'], price: 30 },
      { id: 'b', title: 'chair', brand: 'Sona', category: ['Home', 'Chairs'], price: 300 },
      { id: 'c', title: 'thing' },
    ]),
  )
})
const week = (item: number, ago: number, kind: ItemWeek['kind'] = 'view'): ItemWeek => ({
  item,
  week: WEEK - ago,
  kind,
})

describe('affinities', () => {
  it('halve in the half-life, count a purchase more than a view, and leave out what the shop no longer has', () => {
    const { brands, categories } = affinitiesOf(
      items,
      [week(1, 0), week(2, HALF_LIFE_WEEKS), week(99, 0)],
      nowMs,
    )
    expect([...brands]).toEqual([
      ['Nord', 2 / 3],
      ['Sona', 1 / 3],
    ])
    expect([...categories.keys()]).toEqual(['Lamps', 'Chairs'])
    expect([...affinitiesOf(items, [week(1, 0), week(2, 0, 'purchase')], nowMs).brands.keys()]).toEqual([
      'Sona',
      'Nord',
    ])
    expect(affinitiesOf(items, [week(3, 0)], nowMs).brands.size).toBe(0)
  })
  it('are shares of one, at any age', () => {
    const weeks = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 60 })), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(weeks, (list) => {
        const affinities = affinitiesOf(
          items,
          list.map(([item, ago]) => week(item, ago)),
          nowMs,
        )
        for (const shares of [affinities.brands, affinities.categories, affinities.priceBands]) {
          const sum = [...shares.values()].reduce((a, b) => a + b, 0)
          if (shares.size > 0) expect(sum).toBeCloseTo(1, 10)
        }
      }),
      { seed: 4 },
    )
  })
  it('put prices into three bands to a factor of ten', () => {
    expect([0, 0.5, 1, 9.99, 10, 100, 999].map(priceBand)).toEqual([0, 0, 0, 2, 3, 6, 8])
    expect([0, 1, 2, 3, 6].map(bandStart)).toEqual([0, 2, 5, 10, 100])
  })
})

it('a profile is shown as facts: items by their ids, and those that left the shop by their numbers', async () => {
  const profile = {
    ...EMPTY_PROFILE,
    events: [
      { item: 1, kind: 'rating' as const, timeMs: NOW, rating: 4 },
      { item: 99, kind: 'view' as const, timeMs: NOW - 1, rating: 0 },
    ],
    purchases: [{ item: 2, day: 20_000 }],
    weeks: [week(1, 0)],
  }
  const shown = await showProfile(profile, items, { consentRule: 'required', keepMs: WEEK_MS, nowMs })
  expect(shown).toMatchObject({
    consent: { word: 'unsaid', since: null, remembered: false },
    expiresAt: new Date(NOW + WEEK_MS).toISOString(),
    events: [
      { itemId: 'a', number: 1, rating: 4 },
      { itemId: null, number: 99 },
    ],
    purchases: [{ itemId: 'b', day: '2024-10-04' }],
    affinities: { brands: [{ name: 'Nord', share: 1 }], prices: [{ from: 22, to: 46, share: 1 }] },
  })
})
