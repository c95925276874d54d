/** @file Rules that look at single events of a log and at what came before them: repeats, order, joins, the balance of kinds. */
import { EVENT_KINDS, type EventKind } from '../../schema/events.ts'
import { byShopper, type EventColumns, KIND } from './event-columns.ts'
import type { Tally } from './rules.ts'

/** Clocks of shoppers' devices are a little wrong; the door refuses what is further ahead. */
const CLOCK_AHEAD_MAX_MS = 10 * 60_000
/** The same act again within this time is a page that sends twice, not a shopper who acts twice. */
const MOMENT_MS = 1_000
/** A purchase so soon after the start of the log may follow from views before it. */
const WARM_UP_MS = 2 * 86_400_000

export type LogContext = {
  /** Unix milliseconds. */
  nowMs: number
  /** Of item numbers; left out where the catalogue is not at hand. */
  isInCatalogue?: (item: number) => boolean
}

/** Every rule that an event can break by itself or by what its shopper did before. */
export function checkLog(columns: EventColumns, { nowMs, isInCatalogue }: LogContext, tally: Tally): void {
  const { count, timeMs, kind, shopper, shoppers, items, itemsFrom, request } = columns
  const sampleOf = (event: number) => () => {
    const numbers = [
      ...items.subarray(itemsFrom[event], Math.min(itemsFrom[event]! + 5, itemsFrom[event + 1]!)),
    ]
    const what = numbers.length > 0 ? ` of ${numbers.join(', ')}` : ''
    const when = new Date(timeMs[event]!).toISOString()
    return `${EVENT_KINDS[kind[event]!]}${what} at ${when} by ${shoppers[shopper[event]!]!.slice(0, 8)}…`
  }
  for (const id of columns.repeatedIds) tally.add('event-repeated-id', () => id)
  const unnamed = columns.repeats - columns.repeatedIds.length
  if (unnamed > 0) tally.add('event-repeated-id', null, unnamed)
  const shownReplies = new Set<number>()
  for (let event = 0; event < count; event++)
    if (kind[event] === KIND.impression && request[event] !== 0) shownReplies.add(request[event]!)

  for (let event = 0; event < count; event++) {
    const from = itemsFrom[event]!
    const isEmpty = from === itemsFrom[event + 1]
    if (timeMs[event]! > nowMs + CLOCK_AHEAD_MAX_MS) tally.add('event-in-future', sampleOf(event))
    if (isEmpty && kind[event] !== KIND.search) tally.add('event-without-item', sampleOf(event))
    const own = items.subarray(from, itemsFrom[event + 1])
    if (!isEmpty && isInCatalogue && !own.some(isInCatalogue))
      tally.add('event-of-gone-item', sampleOf(event))
    // Only a shop that names its replies in impressions can be asked which reply a click came from.
    if (
      kind[event] === KIND.click &&
      request[event] !== 0 &&
      shownReplies.size > 0 &&
      !shownReplies.has(request[event]!)
    )
      tally.add('event-of-unknown-reply', sampleOf(event))
  }
  checkOrder(columns, tally, sampleOf)
}

function checkOrder(columns: EventColumns, tally: Tally, sampleOf: (event: number) => () => string): void {
  const { timeMs, kind, items, itemsFrom, shoppers } = columns
  const { order, from } = byShopper(columns)
  const startMs = columns.timeMs
    .subarray(0, columns.count)
    .reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  for (let shopper = 0; shopper < shoppers.length; shopper++) {
    const named = new Set<number>()
    const lastMs = new Map<string, number>()
    for (const event of order.subarray(from[shopper], from[shopper + 1])) {
      const own = items.subarray(itemsFrom[event], itemsFrom[event + 1])
      const content = `${kind[event]} ${columns.query[event]} ${own.join(' ')}`
      const since = timeMs[event]! - (lastMs.get(content) ?? Number.NEGATIVE_INFINITY)
      if (since <= MOMENT_MS) tally.add('event-repeated-content', sampleOf(event))
      lastMs.set(content, timeMs[event]!)
      if (
        kind[event] === KIND.purchase &&
        timeMs[event]! > startMs + WARM_UP_MS &&
        own.some((item) => !named.has(item))
      )
        tally.add('purchase-without-view', sampleOf(event))
      for (const item of own) named.add(item)
    }
  }
}

export function countKinds({ count, kind }: EventColumns): Record<EventKind, number> {
  const counts = Object.fromEntries(EVENT_KINDS.map((name) => [name, 0])) as Record<EventKind, number>
  for (let event = 0; event < count; event++) counts[EVENT_KINDS[kind[event]!]!]++
  return counts
}

/** @param counts events of a kind over the whole log */
export function checkBalance(counts: Record<EventKind, number>, tally: Tally): void {
  const looks = counts.view + counts.click
  const sample = () => EVENT_KINDS.map((name) => `${counts[name]} × ${name}`).join(', ')
  if (counts.purchase > looks) tally.add('more-purchases-than-looks', sample)
  if (counts['add-to-cart'] > looks) tally.add('more-carts-than-looks', sample)
  if (looks > 0 && counts.impression === 0) tally.add('no-impressions', sample)
}
