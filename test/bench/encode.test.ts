import { expect, it } from 'vitest'
import { measureEncode, SMOKE } from './encode.ts'

it('measures both precisions on the same work at smoke size', async () => {
  const report = await measureEncode(SMOKE)
  for (const { median, low, high } of [report.int8TextsPerSecond, report.fp32TextsPerSecond, report.ratio]) {
    expect(low).toBeGreaterThan(0)
    expect(low <= median && median <= high).toBe(true)
  }
  expect(report.cosineMin).toBeGreaterThan(0.999)
  expect(report.checksums).toEqual((await measureEncode(SMOKE)).checksums)
})
