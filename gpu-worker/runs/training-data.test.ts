/** @file What a log of events teaches, and that nothing of the later part of it leaks into the earlier. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredEvent } from '../../shared/schema/events.ts'
import { judgmentsOf, splitByTime } from './training-data.ts'

const MINUTE = 60_000
const items = new Map(
  Array.from({ length: 6 }, (_, at) => [
    at + 1,
    { id: `i${at + 1}`, title: `Item ${at + 1}`, brand: '', category: [], description: '' },
  ]),
)
let events = 0
const event = (
  kind: StoredEvent['kind'],
  timeMs: number,
  fields: Partial<StoredEvent> = {},
): StoredEvent => ({
  eventId: `e${events++}`,
  kind,
  user: 'u',
  timeMs,
  items: [],
  suspectedBot: false,
  ...fields,
})

describe('judgments of a log', () => {
  it('take the strongest act on an item after a search', () => {
    const found = judgmentsOf(items, [
      event('search', 0, { query: ' Red  LAMP' }),
      event('view', 1 * MINUTE, { items: [1] }),
      event('purchase', 2 * MINUTE, { items: [1] }),
      event('click', 3 * MINUTE, { items: [2] }),
    ])
    expect(found).toEqual([
      { query: 'red lamp', itemId: 'i1', relevance: 3 },
      { query: 'red lamp', itemId: 'i2', relevance: 1 },
    ])
  })
  it('end half an hour after the search, and are not those of another visit', () => {
    const search = event('search', 0, { query: 'lamp', session: 'a' })
    expect(judgmentsOf(items, [search, event('view', 31 * MINUTE, { items: [1], session: 'a' })])).toEqual([])
    expect(judgmentsOf(items, [search, event('view', 1 * MINUTE, { items: [1], session: 'b' })])).toEqual([])
  })
  it('leave out items that are gone and acts without a query', () => {
    const gone = event('view', 1, { items: [99], query: 'lamp' })
    expect(judgmentsOf(items, [gone, event('view', 2, { items: [1] })])).toEqual([])
  })
})

describe('the split by time', () => {
  const log = fc.array(
    fc.record({
      query: fc.constantFrom('lamp', 'chair', 'rug', 'desk'),
      item: fc.integer({ min: 1, max: 6 }),
      gap: fc.integer({ min: 0, max: 90 }),
    }),
    { maxLength: 60 },
  )
  it('judges only on queries that were not learnt from, of later events', () => {
    fc.assert(
      fc.property(log, (acts) => {
        let timeMs = 0
        const all = acts.map(({ query, item, gap }) => {
          timeMs += gap * MINUTE
          return event('click', timeMs, { query, items: [item] })
        })
        const { training, test, splitAtMs } = splitByTime(items, all)
        const learnt = new Set(training.judgments.map(({ query }) => query))
        expect(test.filter(({ query }) => learnt.has(query))).toEqual([])
        for (const { query } of training.judgments)
          expect(all.some((one) => one.query === query && one.timeMs < splitAtMs!)).toBe(true)
        for (const { query } of test)
          expect(all.some((one) => one.query === query && one.timeMs >= splitAtMs!)).toBe(true)
      }),
    )
  })
  it('takes an empty log', () => {
    expect(splitByTime(items, [])).toMatchObject({ test: [], splitAtMs: null })
  })
})
