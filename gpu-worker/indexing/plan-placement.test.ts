import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SHARDS_MAX } from '../../shared/schema/manifest.ts'
import { planShards } from './plan-placement.ts'

const LIMITS = { isolateBytesMax: 100, shardBytesMax: 60 }
const sized = (...bytes: number[]) => bytes.map((one, at) => ({ id: `s${at}`, bytes: one }))

describe('planShards', () => {
  it('an index that one isolate can hold has none', () => {
    expect(planShards(null, sized(60, 40), LIMITS)).toBeNull()
  })
  it('fills shards up to their limit', () => {
    expect(planShards(null, sized(50, 40, 20, 10), LIMITS)).toEqual({
      shards: [
        ['s0', 's3'],
        ['s1', 's2'],
      ],
      moved: true,
    })
  })
  it('leaves segments where they are: only what is new moves', () => {
    const before = planShards(null, sized(50, 40, 20), LIMITS)!
    const after = planShards(before.shards, sized(50, 40, 20, 5), LIMITS)!
    expect(after.moved).toBe(false)
    expect(after.shards).toEqual([
      ['s0', 's3'],
      ['s1', 's2'],
    ])
  })
  it('a shop at the limit does not go to and fro', () => {
    const before = planShards(null, sized(60, 50), LIMITS)!
    expect(planShards(before.shards, sized(50, 40), LIMITS)).not.toBeNull()
    expect(planShards(before.shards, sized(30, 20), LIMITS)).toBeNull()
  })
  it('an index under another model has other shards', () => {
    const before = planShards(null, sized(60, 50), LIMITS)!
    const fresh = [
      { id: 'n0', bytes: 60 },
      { id: 'n1', bytes: 55 },
    ]
    expect(planShards(before.shards, fresh, LIMITS)).toEqual({ shards: [['n0'], ['n1']], moved: true })
  })
  it('shards that are mostly empty are packed anew', () => {
    const before = [['s0'], ['s1'], ['s2'], ['s3'], [], []]
    expect(planShards(before, sized(20, 20, 20, 20), LIMITS)).toEqual({
      shards: [['s0', 's1', 's2'], ['s3']],
      moved: true,
    })
  })
  it('every segment has one place, and there are no more shards than may be asked', () => {
    const bytes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 80 })
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        const before = planShards(null, sized(...first), LIMITS)
        const segments = sized(...second)
        const plan = planShards(before?.shards ?? null, segments, LIMITS)
        if (plan === null) return
        expect(plan.shards.flat().sort()).toEqual(segments.map(({ id }) => id).sort())
        expect(plan.shards.length).toBeLessThanOrEqual(SHARDS_MAX)
      }),
    )
  })
})
