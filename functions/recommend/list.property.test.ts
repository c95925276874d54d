import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import { linearRanker } from '../ranking/ranker.ts'
import { type Candidate, featuresOf } from './candidates.ts'
import { capped } from './caps.ts'
import { attributionOf } from './explain.ts'
import { exploreGreedily } from './explore.ts'
import { placeAt } from './place.ts'

const SEED = 77
const limits = fc.integer({ min: 1, max: 12 })

describe('caps', () => {
  const items = fc.array(
    fc.record({ brand: fc.constantFrom('a', 'b', 'c'), leaf: fc.constantFrom('x', 'y') }),
    {
      maxLength: 25,
    },
  )
  it('hold while there are others, never shorten a list, and keep the order of what they let through', () => {
    fc.assert(
      fc.property(items, limits, limits, limits, (list, limit, brandMax, leafMax) => {
        type Item = (typeof list)[number]
        const caps = [
          { keyOf: ({ brand }: Item) => brand, max: brandMax },
          { keyOf: ({ leaf }: Item) => leaf, max: leafMax },
        ]
        const chosen = capped(list, caps, limit)
        expect(chosen.length).toBe(Math.min(limit, list.length))
        expect(new Set(chosen).size).toBe(chosen.length)
        const broken = chosen.findIndex((item, at) =>
          caps.some(
            ({ keyOf, max }) => chosen.slice(0, at).filter((one) => keyOf(one) === keyOf(item)).length >= max,
          ),
        )
        const kept = broken < 0 ? chosen : chosen.slice(0, broken)
        expect(kept).toEqual(list.filter((item) => kept.includes(item)))
        if (broken < 0) return
        // Nothing was left that the caps would have let through.
        const fits = (item: Item) =>
          caps.every(({ keyOf, max }) => kept.filter((one) => keyOf(one) === keyOf(item)).length < max)
        expect(list.filter((item) => !kept.includes(item)).some(fits)).toBe(false)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})

describe('chosen places', () => {
  it('hold what was placed at its rank or the next free one, and the rest in its order, nothing twice', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 15 })
    const placed = fc.array(fc.record({ item: fc.integer({ min: 0, max: 40 }), rank: limits }), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(numbers, placed, limits, (list, places, limit) => {
        const result = placeAt(list, places, limit, (n) => n)
        expect(new Set(result).size).toBe(result.length)
        expect(result.length).toBe(
          Math.min(
            limit,
            new Set([...list, ...places.flatMap(({ item }) => (result.includes(item) ? [item] : []))]).size,
          ),
        )
        const own = result.filter((n) => !places.some(({ item }) => item === n))
        expect(own).toEqual(list.filter((n) => own.includes(n)))
        const [first] = places
        if (first && first.rank <= limit && first.rank <= list.length)
          expect(result.indexOf(first.item)).toBe(first.rank - 1)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})

describe('exploration', () => {
  const list = Array.from({ length: 10 }, (_, n) => n)
  const pool = [100, 101, 102, 103]
  it('leaves the list alone without ε, and where there is nothing to explore', () => {
    for (const chances of [
      exploreGreedily(list, pool, 0, createRandom(1)),
      exploreGreedily(list, [], 0.5, createRandom(1)),
    ])
      expect(chances).toEqual(list.map((item) => ({ item, propensity: 1, isExplored: false })))
  })
  it('shows nothing twice, and changes every fifth place only', () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, epsilon) => {
        const chances = exploreGreedily(list, pool, epsilon, createRandom(seed))
        expect(new Set(chances.map(({ item }) => item)).size).toBe(list.length)
        chances.forEach(({ item, isExplored }, index) => {
          if ((index + 1) % 5 !== 0) expect([item, isExplored]).toEqual([index, false])
        })
      }),
      { seed: SEED },
    )
  })
  it('says propensities that its draws have', () => {
    const RUNS = 20_000
    const random = createRandom(SEED)
    const shown = new Map<number, { count: number; propensity: number }>()
    for (let run = 0; run < RUNS; run++) {
      const { item, propensity } = exploreGreedily(list, pool, 0.3, random)[4]!
      shown.set(item, { count: (shown.get(item)?.count ?? 0) + 1, propensity })
    }
    expect([...shown.keys()].sort((a, b) => a - b)).toEqual([4, ...pool])
    // Four standard errors of a share.
    for (const { count, propensity } of shown.values())
      expect(Math.abs(count / RUNS - propensity)).toBeLessThan(
        4 * Math.sqrt((propensity * (1 - propensity)) / RUNS),
      )
  })
})

describe('attribution', () => {
  const part = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true }))
  const parts = fc.record(
    Object.fromEntries(
      RANK_FEATURES.map((name) => [name, name === 'seen' ? fc.constantFrom(0, 1) : part]),
    ) as Record<keyof Candidate['parts'], fc.Arbitrary<number>>,
  )
  it('sums to the score of the linear ranker, boosts and what was seen included', () => {
    fc.assert(
      fc.property(parts, fc.double({ min: 0.1, max: 10, noNaN: true }), (own, factor) => {
        const candidate: Candidate = {
          doc: 0,
          number: 1,
          score: 0,
          factor,
          category: [],
          parts: own,
          because: null,
        }
        const score = factor * linearRanker.score(featuresOf([candidate]), 1)[0]!
        const attribution = attributionOf({ ...candidate, score })
        const sum = Object.values(attribution!).reduce((a, b) => a + b, 0)
        expect(Math.abs(sum - score)).toBeLessThanOrEqual(1e-6 * Math.max(1, factor))
        expect(attributionOf({ ...candidate, score: score + 0.01 })).toBeNull()
      }),
      { seed: SEED },
    )
  })
  it('has a column for every part', () => {
    expect(RANK_FEATURES.length).toBeLessThanOrEqual(RANK_FEATURES_MAX)
  })
})
