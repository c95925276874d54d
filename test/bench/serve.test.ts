import { expect, it } from 'vitest'
import { KINDS } from './load-client.ts'
import { measureServe, SMOKE } from './serve.ts'

it('measures a stack under load at smoke size', async () => {
  const report = await measureServe(SMOKE)
  expect(report.rows[0]!.rate).toBe(SMOKE.rates[0])
  for (const { all, answered, errors, cpuMs } of report.rows) {
    expect(errors).toEqual({})
    expect(answered).toBeGreaterThan(0)
    expect(all.p50 > 0 && all.p50 <= all.p90 && all.p90 <= all.p99 && all.p99 <= all.p999).toBe(true)
    expect(cpuMs.client).toBeGreaterThan(0)
  }
  expect(Object.keys(report.rows.at(-1)!.stagesMs).sort()).toEqual(
    KINDS.filter((kind) => kind !== 'events').sort(),
  )
  expect(report.edgePeakMb).toBeGreaterThan(0)
  const { files } = report.profile!
  expect(files.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  expect(files.map(({ name }) => name)).toContain('hono')
}, 120_000)
