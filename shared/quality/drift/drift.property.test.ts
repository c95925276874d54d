/** @file Laws of the divergences, and that chance alone makes no alarm. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, gaussian, type Random } from '../../lib/random.ts'
import { Drift, FeedSnapshot } from '../../schema/drift.ts'
import { compareDays, compareFeeds } from './compare.ts'
import { jensenShannon, stabilityIndex } from './divergence.ts'
import { alignHistograms, cellOf } from './histogram.ts'
import { alignMixes, mixOf, totalOf } from './mix.ts'
import { daySnapshot, type FeedRow, feedSnapshot } from './snapshots.ts'
import { centroidShift, summariseVectors } from './vectors.ts'

const pair = fc
  .integer({ min: 1, max: 12 })
  .chain((bins) =>
    fc.tuple(...[0, 1].map(() => fc.array(fc.nat(5_000), { minLength: bins, maxLength: bins }))),
  )
const counts = fc.dictionary(
  fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'),
  fc.integer({ min: 1, max: 500 }),
)
const mix = fc
  .tuple(counts, fc.integer({ min: 1, max: 30 }))
  .map(([record, keysMax]) => mixOf(new Map(Object.entries(record)), keysMax))
describe('divergences', () => {
  it.each([
    ['stability index', stabilityIndex, Number.POSITIVE_INFINITY],
    ['Jensen and Shannon', jensenShannon, 1],
  ])('%s: symmetric, not negative, 0 for equals, bounded', (_name, divergence, most) => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const value = divergence(a!, b!)
        expect(value).toBeCloseTo(divergence(b!, a!), 10)
        expect(value >= 0 && value <= most).toBe(true)
        expect(divergence(a!, a!)).toBeCloseTo(0, 12)
      }),
    )
  })
  it('grow when mass moves further away', () => {
    const shifted = [0, 100, 200, 300, 400].map((moved) => [500 - moved, 500 + moved])
    for (const divergence of [stabilityIndex, jensenShannon]) {
      const values = shifted.map((one) => divergence([500, 500], one))
      expect(values).toEqual(values.toSorted((a, b) => a - b))
    }
  })
  it('agree with the worked example of Siddiqi (Credit Risk Scorecards, 2006): two bins, .5/.5 against .6/.4', () => {
    // (.5 − .6) ln(.5/.6) + (.5 − .4) ln(.5/.4) = .0405
    expect(stabilityIndex([50_000, 50_000], [60_000, 40_000])).toBeCloseTo(0.0405, 3)
  })
})

describe('bins', () => {
  it('of two mixes hold every row once, whichever comes first', () => {
    fc.assert(
      fc.property(mix, mix, (a, b) => {
        const [bins, turned] = [alignMixes(a, b), alignMixes(b, a)]
        const sum = (list: number[]) => list.reduce((total, one) => total + one, 0)
        expect([sum(bins.a), sum(bins.b)]).toEqual([totalOf(a), totalOf(b)])
        expect(stabilityIndex(bins.a, bins.b)).toBeCloseTo(stabilityIndex(turned.b, turned.a), 10)
      }),
    )
  })
  it('of two histograms likewise, and about ten of them', () => {
    const histogram = fc
      .array(fc.double({ min: -1e12, max: 1e12, noNaN: true }), { maxLength: 300 })
      .map((values) => {
        const found = new Map<string, number>()
        for (const value of values) found.set(cellOf(value), (found.get(cellOf(value)) ?? 0) + 1)
        return mixOf(found, 1_000)
      })
    fc.assert(
      fc.property(histogram, histogram, (a, b) => {
        const bins = alignHistograms(a, b)
        const sum = (list: number[]) => list.reduce((total, one) => total + one, 0)
        expect([sum(bins.a), sum(bins.b)]).toEqual([totalOf(a), totalOf(b)])
        expect(bins.names.length).toBeLessThanOrEqual(11)
      }),
    )
  })
})

/** A feed of so many rows, its prices and categories drawn anew. */
const feed = (seed: number, rows: number, change: { price?: number; gone?: string } = {}): FeedRow[] => {
  const random = createRandom(seed)
  return Array.from({ length: rows }, () => {
    const category = ['Lamps', 'Chairs', 'Rugs', 'Desks', 'Beds'][Math.floor(random() ** 2 * 5)]!
    return {
      title: 'x'.repeat(20 + Math.floor(random() * 40)),
      brand: `brand ${Math.floor(random() ** 3 * 400)}`,
      category: category === change.gone ? [] : ['Home', category],
      price: random() < 0.03 ? null : Math.exp(3 + gaussian(random)) * (change.price ?? 1),
      currency: 'EUR',
      stock: random() < 0.8 ? 5 : 0,
      image: random() < 0.95 ? '/a.jpg' : '',
    }
  })
}
const vectorsOf = (seed: number, count: number, towards: number) => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () =>
    Float32Array.from(
      { length: 32 },
      (_, at) => (at === 0 ? 1 : at === 1 ? towards : 0) + 0.6 * gaussian(random),
    ),
  )
}
const snapshot = (seed: number, rows: number, change = {}, towards = 0) =>
  feedSnapshot(feed(seed, rows, change), seed, summariseVectors('m', vectorsOf(seed + 7, rows, towards)))
const day = (seed: number, searches: number, fresh = 0) => {
  const random: Random = createRandom(seed)
  return daySnapshot(
    Array.from({ length: searches }, (_, at) => ({
      kind: random() < 0.3 ? ('view' as const) : ('search' as const),
      user: `u${at}`,
      query: random() < fresh ? 'advent calendar' : `thing ${Math.floor(random() ** 3 * 900)}`,
    })),
    '2026-10-01',
    seed,
  )
}
const loud = ({ readings }: Drift) =>
  readings.filter(({ level }) => level !== 'steady').map(({ field }) => field)

describe('chance alone', () => {
  it.each([60, 300, 3_000])(
    'feeds of %i rows drawn from one source make no alarm in 95 of 100 seeds',
    (rows) => {
      const seeds = rows > 1_000 ? 30 : 100
      const alarms = Array.from({ length: seeds }, (_, at) =>
        loud(compareFeeds(snapshot(2 * at, rows), snapshot(2 * at + 1, rows))),
      )
      expect(alarms.filter((fields) => fields.length > 0).length).toBeLessThanOrEqual(0.05 * seeds)
    },
  )
  it.each([100, 5_000])('days of %i searches likewise', (searches) => {
    const alarms = Array.from({ length: 60 }, (_, at) =>
      loud(compareDays(day(2 * at, searches), day(2 * at + 1, searches))),
    )
    expect(alarms.filter((fields) => fields.length > 0).length).toBeLessThanOrEqual(3)
  })
  it('a large feed against a small part of it makes no alarm', () => {
    expect(loud(compareFeeds(snapshot(1, 3_000), snapshot(2, 80)))).toEqual([])
  })
})

describe('a real change', () => {
  const alertsOf = ({ readings }: Drift) =>
    readings.filter(({ level }) => level === 'alert').map(({ field }) => field)
  it.each([
    ['all prices in another currency', { price: 7.5 }, 0, ['price']],
    ['a category that lost its name', { gone: 'Lamps' }, 0, ['category', 'category given']],
    ['items about something else', {}, 1, ['embeddings']],
  ])('%s is an alert, and of nothing else', (_name, change, towards, fields) => {
    const drift = compareFeeds(snapshot(1, 800), snapshot(2, 800, change, towards))
    expect(alertsOf(drift).toSorted()).toEqual(fields.toSorted())
    expect(Drift.parse(drift)).toEqual(drift)
  })
  it('in what is searched for is told, with the new query', () => {
    const drift = compareDays(day(1, 3_000), day(2, 3_000, 0.4))
    expect(alertsOf(drift)).toContain('queries')
    expect(drift.readings.find(({ measure }) => measure === 'new-queries')!.reason).toContain(
      'advent calendar',
    )
  })
  it('of the model is no shift of the catalogue', () => {
    const [a, b] = ['m', 'n'].map((id) => summariseVectors(id, vectorsOf(1, 100, 0))!)
    expect(centroidShift(a!, b!)).toBeNull()
  })
})

describe('snapshots', () => {
  it('survive JSON, stay small, and an empty feed has one too', () => {
    const one = snapshot(1, 3_000)
    expect(FeedSnapshot.parse(JSON.parse(JSON.stringify(one)))).toEqual(one)
    expect(JSON.stringify(one).length).toBeLessThan(12_000)
    const empty = feedSnapshot([], 0)
    expect(compareFeeds(empty, one).readings).toEqual([])
  })
  it('name no query that fewer than three shoppers typed', () => {
    const events = ['a', 'b', 'c'].map((user) => ({ kind: 'search' as const, user, query: 'Red  Lamp' }))
    const secret = [1, 2, 3, 4].map(() => ({ kind: 'search' as const, user: 'a', query: 'my own address' }))
    expect(daySnapshot([...events, ...secret], '2026-10-01', 0).queries).toEqual({
      counts: [['red lamp', 3]],
      other: 1,
    })
  })
})
