import { expect, it } from 'vitest'
import { measureTokenizer, SMOKE } from './tokenizer.ts'

it('measures both tokenizers at smoke size, on the same ids', async () => {
  const report = await measureTokenizer(SMOKE)
  for (const { median, low, high } of [report.ours, report.reference].flatMap(({ cold, warm }) => [
    cold,
    warm,
  ])) {
    expect(low).toBeGreaterThan(0)
    expect(low <= median && median <= high).toBe(true)
  }
  expect(report.differing).toEqual([])
  expect(report.checksum).toBe((await measureTokenizer(SMOKE)).checksum)
})
