import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listQuality, nextItemQuality, rankOf } from './next-item.ts'

describe('the rank of the next item', () => {
  const scores = Float32Array.of(0.5, 0.9, 0.5, 0.1)
  it('is among all items, equal scores by number', () => {
    expect([0, 1, 2, 3].map((item) => rankOf(scores, item))).toEqual([2, 1, 3, 4])
  })
  it('does not count what is skipped', () => {
    expect(rankOf(scores, 3, [1, 0, 1])).toBe(2)
    expect(rankOf(scores, 1, [1])).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('quality', () => {
  it('is as defined', () => {
    const quality = nextItemQuality([1, 3, 11, Number.POSITIVE_INFINITY], 10)
    expect(quality).toEqual({ hitRate: 0.5, ndcg: (1 + 1 / 2) / 4, mrr: (1 + 1 / 3) / 4 })
    expect(nextItemQuality([], 10)).toEqual({ hitRate: 0, ndcg: 0, mrr: 0 })
  })
  it('never falls when a rank rises', () => {
    const ranks = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(ranks, fc.nat(), (all, at) => {
        const place = at % all.length
        const better = all.with(place, Math.max(1, all[place]! - 1))
        const [before, after] = [nextItemQuality(all, 10), nextItemQuality(better, 10)]
        for (const name of ['hitRate', 'ndcg', 'mrr'] as const)
          expect(after[name]).toBeGreaterThanOrEqual(before[name] - 1e-12)
      }),
      { seed: 4, numRuns: 50 },
    )
  })
})

describe('lists', () => {
  it('are told by coverage, novelty and popularity', () => {
    const counts = Uint32Array.of(8, 4, 4, 0)
    const quality = listQuality([Uint32Array.of(0, 1), Uint32Array.of(0, 2)], [Uint32Array.of(1)], counts)
    expect(quality).toEqual({ coverage: 0.75, novelty: (1 + 2 + 1 + 2) / 4, popularityLift: 6 / 4 })
  })
})
