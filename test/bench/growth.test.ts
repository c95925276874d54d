import { expect, it } from 'vitest'
import { measureGrowth, SMOKE } from './growth.ts'
import { KINDS } from './growth-shop.ts'

it('measures a whole and a divided shop at smoke size, warm and cold', async () => {
  const { shops, fits } = await measureGrowth(SMOKE)
  expect(shops.map(({ isolates }) => isolates)).toEqual([1, 3])
  for (const { isolates, kinds, profile, cold, held, begun, fetchedMb, checksum } of shops) {
    expect(kinds.map(({ kind }) => kind)).toEqual(KINDS)
    for (const { ms, cpuMs, hereMs, rounds } of kinds) {
      for (const { p50, p99 } of [ms, cpuMs, hereMs]) expect(p50 > 0 && p50 <= p99).toBe(true)
      expect(hereMs.p50).toBeLessThanOrEqual(ms.p50)
      expect(rounds > 0).toBe(isolates > 1)
    }
    expect(cold!.ms.median).toBeGreaterThanOrEqual(cold!.hereMs.median)
    for (const lines of [profile, cold!.profile]) expect(lines.length).toBeGreaterThan(0)
    expect(held.all).toBeGreaterThanOrEqual(held.most)
    expect(begun.claimed).toBeGreaterThan(0)
    expect(fetchedMb).toBeGreaterThan(0)
    expect(checksum).toBeGreaterThan(0)
  }
  expect(fits.every(({ values }) => values.length === shops.length)).toBe(true)
}, 60_000)
