import { expect, it } from 'vitest'
import { measureRanker, SMOKE } from './ranker.ts'

it('measures a ranker in workerd at smoke size', async () => {
  const report = await measureRanker(SMOKE)
  expect(report.coldMs).toBeGreaterThan(0)
  expect(report.warm.map(({ rows }) => rows)).toEqual(SMOKE.rows)
  expect(report.checksum).toBeGreaterThan(0)
}, 60_000)
