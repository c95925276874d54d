import { expect, it } from 'vitest'
import { measureBots, SMOKE } from './bots.ts'

it('judges at smoke size, the same each time', () => {
  const report = measureBots(SMOKE)
  expect(report.test.precision).toBeGreaterThan(0.8)
  expect(report.test.recall).toBeGreaterThan(0.6)
  expect(report.cost).toMatchObject({ events: SMOKE.events })
  const again = measureBots(SMOKE)
  expect(again.byType).toEqual(report.byType)
})
