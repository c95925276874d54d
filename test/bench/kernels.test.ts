import { expect, it } from 'vitest'
import { measureKernels, SMOKE } from './kernels.ts'

it('measures every kernel at smoke size, and finds the same each time', async () => {
  const report = await measureKernels(SMOKE)
  for (const { milliseconds, recall } of report.sets) {
    for (const { median, low, high } of Object.values(milliseconds)) {
      expect(low).toBeGreaterThan(0)
      expect(low <= median && median <= high).toBe(true)
    }
    for (const share of Object.values(recall)) expect(share).toBeGreaterThan(0.9)
  }
  expect((await measureKernels(SMOKE)).checksum).toBe(report.checksum)
})
