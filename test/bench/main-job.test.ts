import { expect, it } from 'vitest'
import { measureMainJob, quantiles, SMOKE } from './main-job.ts'

it('measures the whole main job at smoke size', async () => {
  const report = await measureMainJob(SMOKE)
  expect(report.import).toMatchObject({
    received: SMOKE.items,
    accepted: SMOKE.items,
    searchable: SMOKE.items,
  })
  for (const times of [
    report.searchMs,
    report.recommendMs,
    report.titleChangeSeconds,
    report.priceChangeSeconds,
  ])
    expect(times.p50).toBeGreaterThan(0)
  expect(report.indexResidentMb).toBeGreaterThan(0)
}, 120_000)

it('quantiles are values that were measured, in order', () => {
  const { p50, p90, p95, p99, max } = quantiles(Array.from({ length: 200 }, (_, index) => 200 - index))
  expect([p50, p90, p95, p99, max]).toEqual([100, 180, 190, 198, 200])
})
