import { expect, it } from 'vitest'
import type { Run } from '../../shared/schema/models.ts'
import { createOrderReport } from './order-report.ts'

const NIGHT = '2026-03-10T03:20:00.000Z'
const runAt = (requestedAt: string): Run => ({
  id: 'quality',
  kind: 'quality',
  state: 'failed',
  requestedAt,
  attempts: 1,
})

it.each([
  ['at night, of a shop without a report', NIGHT, '2026-03-01T00:00:00Z', null, 'ordered'],
  ['by day', '2026-03-10T12:00:00.000Z', '2026-03-01T00:00:00Z', null, 'not-due'],
  ['without an index', NIGHT, null, null, 'not-due'],
  ['after a change', NIGHT, '2026-03-09T12:00:00Z', '2026-03-09T03:00:00Z', 'ordered'],
  ['after no change', NIGHT, '2026-03-08T12:00:00Z', '2026-03-09T03:00:00Z', 'not-due'],
  [
    'a second time in one night, also when the first failed',
    NIGHT,
    '2026-03-10T03:10:00Z',
    '2026-03-10T03:00:00Z',
    'not-due',
  ],
])('a report is ordered or not: %s', async (_name, now, publishedAt, requestedAt, outcome) => {
  let orders = 0
  const orderReport = createOrderReport({
    lastRun: async () => (requestedAt === null ? null : runAt(requestedAt)),
    order: async () => orders++,
    clock: () => Date.parse(now),
  })
  expect(await orderReport(publishedAt)).toBe(outcome)
  expect(orders).toBe(outcome === 'ordered' ? 1 : 0)
})
