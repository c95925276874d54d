import { expect, it } from 'vitest'
import { measureLexical, SMOKE } from './lexical.ts'

it('measures every kind of query at smoke size, with the same answers each time', async () => {
  const report = await measureLexical(SMOKE)
  expect(new Set(report.rows.map(({ kind }) => kind)).size).toBe(11)
  for (const { p50, p99, max } of [...report.rows, ...Object.values(report.firstTime)]) {
    expect(p50).toBeGreaterThan(0)
    expect(p50 <= p99 && p99 <= max).toBe(true)
  }
  expect(report.checksum).toBe((await measureLexical(SMOKE)).checksum)
})
