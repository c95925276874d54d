import { expect, it } from 'vitest'
import { measureQuality, SMOKE } from './quality.ts'

it('measures rules and report at smoke size', async () => {
  const bench = await measureQuality(SMOKE)
  expect(bench.items).toBe(SMOKE.items)
  for (const { p50, p99, max } of [bench.cleaning, bench.rules, bench.writePath, bench.learntRules])
    expect(0 <= p50 && p50 <= p99 && p99 <= max).toBe(true)
  expect(bench.report.wall.median).toBeGreaterThan(0)
  expect(bench.score).toBeGreaterThan(0)
  expect(bench.checksum).toBe((await measureQuality(SMOKE)).checksum)
})
