import { expect, it } from 'vitest'
import { measureCompression, SMOKE } from './compression.ts'

it('measures every way to make a model smaller, at smoke size', async () => {
  const { rows } = await measureCompression(SMOKE)
  const [fp32, fp16, int8, fewerTokens, fewerLayers] = rows
  expect(rows.map(({ name }) => name)).toEqual([
    ...['fp32', 'fp16 storage', 'int8', 'int8, half of the vocabulary', 'int8, half of the layers'],
  ])
  expect(fp32).toMatchObject({ ratio: { median: 1, low: 1, high: 1 }, recallAt10: 1 })
  expect(fp32!.cosine).toBeCloseTo(1, 5)
  expect(fp16!.cosine).toBeGreaterThan(0.99999)
  expect(int8!.cosine).toBeGreaterThan(0.995)
  expect(fp16!.bytes).toBeLessThan(fp32!.bytes * 0.6)
  for (const smaller of [fewerTokens, fewerLayers]) {
    expect(smaller!.bytes).toBeLessThan(int8!.bytes)
    expect(smaller!.recallAt10).toBeGreaterThan(0)
  }
  for (const { textsPerSecond } of rows) expect(textsPerSecond.low).toBeGreaterThan(0)
})
