import { expect, it } from 'vitest'
import { measureTrain, SMOKE } from './train.ts'

it('measures training steps and the encoder at smoke size, without Python', () => {
  const report = measureTrain(SMOKE, null)
  expect(report.cases.map(({ name }) => name)).toHaveLength(3)
  for (const { ours, torch } of report.cases) {
    expect(torch).toBeNull()
    expect(ours.ms).toBeGreaterThan(0)
    expect(Number.isFinite(ours.check)).toBe(true)
  }
})
