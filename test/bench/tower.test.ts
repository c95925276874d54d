import { expect, it } from 'vitest'
import { measureTower, SMOKE } from './tower.ts'

it('measures a user tower in workerd at smoke size', async () => {
  const report = await measureTower(SMOKE)
  expect(report.coldMs).toBeGreaterThan(0)
  expect(report.warm.map(({ items }) => items)).toEqual(SMOKE.items)
  expect(report.checksum).toBeGreaterThan(0)
}, 60_000)
