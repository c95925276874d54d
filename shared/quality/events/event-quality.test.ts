/** @file Every rule of a log: what breaks it and what is just inside; and that quiet logs stay quiet. */
import { describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../../lib/random.ts'
import { EventQualityFile } from '../../schema/event-quality.ts'
import type { EventKind, StoredEvent } from '../../schema/events.ts'
import { toColumns } from './event-columns.ts'
import { eventQuality } from './event-quality.ts'
import { findDrops } from './find-drops.ts'
import { EVENT_RULES, type EventRuleName } from './rules.ts'

const DAY = 86_400_000
const HOUR = 3_600_000
const NOW = Date.UTC(2026, 9, 20, 12)
let made = 0
const event = (kind: EventKind, timeMs: number, fields: Partial<StoredEvent> = {}): StoredEvent => ({
  ...{ eventId: `e${made++}`, kind, user: 'u'.repeat(32), timeMs, items: kind === 'search' ? [] : [1] },
  ...{ suspectedBot: false, ...fields },
})
const rulesOf = (events: StoredEvent[]) =>
  eventQuality(toColumns(events), { nowMs: NOW, isInCatalogue: (item) => item < 100 }).findings.map(
    ({ rule }) => rule,
  )

const T = NOW - 5 * DAY
const looked = [
  event('impression', T, { requestId: 'r1' }),
  event('view', T + 1_500),
  event('view', T + 9_000),
]
const twice = event('view', T)
const CASES: Record<
  Exclude<EventRuleName, 'events-dropped'>,
  { breaks: StoredEvent[]; inside: StoredEvent[] }
> = {
  'event-in-future': {
    breaks: [event('view', NOW + 11 * 60_000)],
    inside: [event('view', NOW + 9 * 60_000)],
  },
  'event-repeated-id': { breaks: [twice, twice], inside: [twice] },
  'event-repeated-content': {
    breaks: [event('view', T), event('view', T + 1_000)],
    inside: [event('view', T), event('view', T + 1_001), event('click', T), event('view', T, { items: [2] })],
  },
  'purchase-without-view': {
    breaks: [...looked, event('purchase', T + 3 * DAY, { items: [2] })],
    // Bought after a look, or so early that the look may be older than the log.
    inside: [...looked, event('purchase', T + 3 * DAY), event('purchase', T + DAY, { items: [2] })],
  },
  'event-without-item': {
    breaks: [event('view', T, { items: [] })],
    inside: [event('search', T, { query: 'x' })],
  },
  'event-of-gone-item': {
    breaks: [event('view', T, { items: [100, 101] })],
    inside: [event('view', T, { items: [99, 100] })],
  },
  'event-of-unknown-reply': {
    breaks: [...looked, event('click', T + 20_000, { requestId: 'r2' })],
    inside: [...looked, event('click', T + 20_000, { requestId: 'r1' }), event('click', T + 40_000)],
  },
  'more-purchases-than-looks': {
    breaks: [event('purchase', T), event('purchase', T + 5_000), event('view', T)],
    inside: [event('purchase', T), event('view', T)],
  },
  'more-carts-than-looks': {
    breaks: [event('add-to-cart', T), event('add-to-cart', T + 5_000), event('click', T)],
    inside: [event('add-to-cart', T), event('click', T)],
  },
  'no-impressions': { breaks: [event('view', T)], inside: [event('view', T), event('impression', T)] },
}

describe('rules of the log', () => {
  it.each(Object.entries(CASES))('%s', (rule, { breaks, inside }) => {
    expect(rulesOf(breaks)).toContain(rule)
    expect(rulesOf(inside)).not.toContain(rule)
  })
  it('findings have the sentence and gravity of their rule, the gravest first, and fit the contract', () => {
    const report = eventQuality(toColumns(Object.values(CASES).flatMap(({ breaks }) => breaks)), {
      nowMs: NOW,
    })
    expect(EventQualityFile.parse(report)).toEqual(report)
    expect(report.findings[0]!.severity).toBe('quarantine')
    for (const { rule, message, count, samples } of report.findings) {
      expect(message).toBe(EVENT_RULES[rule as EventRuleName].message)
      expect(count).toBeGreaterThan(0)
      expect(samples.length).toBeGreaterThan(0)
    }
  })
  it('an empty log is a report without findings', () => {
    const report = eventQuality(toColumns([]), { nowMs: NOW })
    expect(report).toMatchObject({ from: null, to: null, events: 0, findings: [], suspectedUsers: [] })
    expect(EventQualityFile.parse(report)).toEqual(report)
  })
  it('counts all repeats, and shows a few', () => {
    const [repeated] = eventQuality(toColumns(Array(50).fill(twice)), { nowMs: NOW }).findings.filter(
      ({ rule }) => rule === 'event-repeated-id',
    )
    expect(repeated).toMatchObject({ count: 49 })
    expect(repeated!.samples).toHaveLength(20)
  })
})

describe('sudden drops', () => {
  const poisson = (mean: number, random: Random) => {
    let [count, product] = [0, random()]
    for (const limit = Math.exp(-mean); product > limit; product *= random()) count++
    return count
  }
  /** Views with a rhythm of day and week, about 480 on a weekday. */
  const traffic = (seed: number, days: number, share: (hour: number) => number) => {
    const random = createRandom(seed)
    return Array.from({ length: days * 24 }, (_, hour) => {
      const timeMs = NOW - (days * 24 - hour) * HOUR
      const date = new Date(timeMs)
      const isWeekend = date.getUTCDay() % 6 === 0
      const mean = 20 * (1 + Math.sin((date.getUTCHours() / 12) * Math.PI)) * (isWeekend ? 0.6 : 1)
      return Array.from({ length: poisson(mean * share(days * 24 - hour), random) }, () =>
        event('view', timeMs + HOUR / 2),
      )
    }).flat()
  }
  it('are not seen in what varies by day, week and chance', () => {
    const alerts = Array.from({ length: 40 }, (_, seed) =>
      findDrops(toColumns(traffic(seed, 15, () => 1)), NOW),
    )
    expect(alerts.filter((drops) => drops.length > 0).length).toBeLessThanOrEqual(2)
  })
  it('are seen when a kind stops, or falls to a fifth', () => {
    for (const left of [0, 0.2]) {
      const [drop] = findDrops(toColumns(traffic(3, 15, (hoursAgo) => (hoursAgo <= 6 ? left : 1))), NOW)
      expect(drop).toMatchObject({ kind: 'view', toMs: NOW })
    }
  })
  it('need four days to compare with', () => {
    expect(findDrops(toColumns(traffic(3, 4, (hoursAgo) => (hoursAgo <= 6 ? 0 : 1))), NOW)).toEqual([])
  })
})
