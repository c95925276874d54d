/** @file The named rules of event quality, as one table, in the manner of `../rules.ts`. Reasons for bots are in `bot-score.ts`. */
import { EVENT_SAMPLES_MAX, type EventFinding } from '../../schema/event-quality.ts'
import type { Finding } from '../../schema/item.ts'

type Rule = Pick<Finding, 'severity' | 'field' | 'message'>

export const EVENT_RULES = {
  'event-in-future': {
    severity: 'quarantine',
    field: 'time',
    message: 'The event is later than now: the clock of its sender is wrong.',
  },
  'event-repeated-id': {
    severity: 'info',
    field: 'eventId',
    message: 'The same event came again and was counted once.',
  },
  'event-repeated-content': {
    severity: 'warn',
    field: 'eventId',
    message: 'The same act came again within a moment under another id: a page sends it twice.',
  },
  'purchase-without-view': {
    severity: 'warn',
    field: 'items',
    message: 'A shopper bought an item that no event of theirs had named before: views are missing.',
  },
  'event-without-item': {
    severity: 'warn',
    field: 'items',
    message: 'The catalogue knew none of the items of the event when it came.',
  },
  'event-of-gone-item': {
    severity: 'info',
    field: 'items',
    message: 'The event is about items that are not in the catalogue any more.',
  },
  'event-of-unknown-reply': {
    severity: 'warn',
    field: 'requestId',
    message: 'The requestId is of no list that was shown: such a click cannot be joined with its search.',
  },
  'more-purchases-than-looks': {
    severity: 'warn',
    field: 'kind',
    message: 'There are more purchases than views and clicks: views are missing, or purchases come twice.',
  },
  'more-carts-than-looks': {
    severity: 'warn',
    field: 'kind',
    message: 'There are more additions to the cart than views and clicks: views are missing.',
  },
  'no-impressions': {
    severity: 'info',
    field: 'kind',
    message: 'No impressions are sent: what was seen and not wanted cannot be learnt.',
  },
  'events-dropped': {
    severity: 'warn',
    field: 'time',
    message: 'Far fewer events of a kind came than in the same hours of the days before.',
  },
} as const satisfies Record<string, Rule>

export type EventRuleName = keyof typeof EVENT_RULES

/** Findings of one pass over a log: each rule once, with a count and its first samples. */
export function createTally() {
  const found = new Map<EventRuleName, { count: number; samples: string[] }>()
  return {
    /** @param sample made only while there is room for it; null for more of what was shown already */
    add(rule: EventRuleName, sample: (() => string) | null, count = 1) {
      const known = found.get(rule) ?? { count: 0, samples: [] }
      known.count += count
      if (sample && known.samples.length < EVENT_SAMPLES_MAX) known.samples.push(sample())
      found.set(rule, known)
    },
    findings: (): EventFinding[] =>
      [...found].map(([rule, { count, samples }]) => ({ rule, ...EVENT_RULES[rule], count, samples })),
  }
}
export type Tally = ReturnType<typeof createTally>
