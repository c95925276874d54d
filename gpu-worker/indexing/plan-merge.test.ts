import { describe, expect, it } from 'vitest'
import { isFull, planMerge } from './plan-merge.ts'

const rows = (...counts: number[]) => counts.map((count) => ({ rows: count, bytes: count }))

describe('planMerge', () => {
  it('leaves few segments alone', () => {
    expect(planMerge(rows(1000, 1, 1, 1), 8)).toBeNull()
  })
  it('merges the small ones and leaves the large one', () => {
    expect(planMerge(rows(10_000, 1, 1, 1, 1), 4)).toBe(1)
  })
  it('takes the large one in when what piled up is worth it', () => {
    expect(planMerge(rows(100, 60, 60, 60, 60), 4)).toBe(0)
  })
  it('keeps the count bounded and the rewriting small over many deltas', () => {
    let segments = rows(10_000)
    let rewritten = 0
    for (let delta = 0; delta < 2_000; delta++) {
      segments = [...segments, { rows: 1, bytes: 1 }]
      const from = planMerge(segments)
      if (from === null) continue
      const merged = segments.slice(from).reduce((sum, segment) => sum + segment.rows, 0)
      rewritten += merged
      segments = [...segments.slice(0, from), { rows: merged, bytes: merged }]
      expect(segments.length).toBeLessThanOrEqual(8)
    }
    expect(rewritten / 2_000).toBeLessThan(40)
  })
  it('makes no segment that is too large for a shard to move', () => {
    const from = planMerge(rows(40, 30, 30, 20, 10), 4, 70)!
    expect(from).toBe(2)
  })
  it('leaves a full segment alone until most of it is out of date', () => {
    expect(isFull({ rows: 100, bytes: 50, newest: 50 }, 100)).toBe(true)
    expect(isFull({ rows: 100, bytes: 49, newest: 100 }, 100)).toBe(false)
    expect(isFull({ rows: 100, bytes: 50, newest: 49 }, 100)).toBe(false)
  })
})
