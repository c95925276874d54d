import { expect, it } from 'vitest'
import { measureOutliers, PRICE_KINDS } from './outliers.ts'

it('measures slips put into the sample shop', async () => {
  const { rows, values, findings, samples } = await measureOutliers('sample', 1, 2, PRICE_KINDS.slice(4))
  expect(values).toBeGreaterThan(2_000)
  expect(findings / values).toBeLessThan(0.01)
  expect(samples.length).toBeLessThanOrEqual(2)
  const thousandfold = rows.find(({ kind }) => kind === 'price × 1000')!
  expect(thousandfold.recall).toBeGreaterThan(0.8)
  expect(thousandfold.repairPrecision).toBeGreaterThan(0.8)
})
