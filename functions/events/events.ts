/** @file Taking in shoppers' events: check each, put the pseudonym in the place of the shopper, hand them to the queue. */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { EventInput, type EventMessage, type StoredEvent } from '../../shared/schema/events.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import type { EventsReply } from '../../shared/schema/replies.ts'
import type { ListEntry } from '../http/body.ts'
import { issuesOf } from '../http/problem.ts'
import type { PseudonymOf } from '../http/pseudonym.ts'
import type { QueueSender } from '../queue-sender.ts'
import { suspectBots } from './bots.ts'

/** Clocks of shoppers' devices are a little wrong; more than this is an error of the sender. */
export const CLOCK_AHEAD_MAX_MS = 10 * 60_000
/** Older events say nothing about what is wanted now; history for training is imported by other means. */
export const EVENT_AGE_MAX_MS = 2 * 366 * 86_400_000
const EVENTS_PER_MESSAGE_MAX = 100
const MESSAGE_CHARS_MAX = 38_000

type Deps = {
  pseudonymOf: PseudonymOf
  /** Stable numbers of the ids that the catalogue knows. */
  numbersOf(itemIds: readonly string[]): Promise<ReadonlyMap<string, number>>
  queue: QueueSender
  clock: () => number
}
export type TakeEvents = (
  entries: readonly ListEntry[],
  userAgent: string | undefined,
) => Promise<Result<EventsReply, Problem>>

/**
 * Good events are taken even when others of the call are refused; a call without a single good one is an invalid request.
 * Delivery is at least once from here on: receivers drop repeats by event id.
 */
export const createTakeEvents =
  ({ pseudonymOf, numbersOf, queue, clock }: Deps): TakeEvents =>
  async (entries, userAgent) => {
    const rejected: EventsReply['rejected'] = []
    const good = new Map<string, { index: number; input: EventInput }>()
    const warnings: EventsReply['warnings'] = []
    entries.forEach((entry, index) => {
      const checked = check(entry, clock())
      if (!checked.ok) rejected.push({ index, ...checked.error })
      else if (good.has(checked.value.eventId))
        warnings.push({ index, message: `repeats the event "${checked.value.eventId}" of this call` })
      else good.set(checked.value.eventId, { index, input: checked.value })
    })
    if (good.size === 0 && rejected.length > 0)
      return err({
        kind: 'invalid-request',
        issues: rejected.map(({ index, message }) => ({ path: String(index), message })),
      })

    const numbers = await numbersOf([...new Set([...good.values()].flatMap(({ input }) => input.itemIds))])
    const stored = await Promise.all(
      [...good.values()].map(async ({ index, input }) => {
        const unknown = input.itemIds.filter((id) => !numbers.has(id))
        if (unknown.length > 0)
          warnings.push({
            index,
            message: `not in the catalogue, left out: ${unknown.slice(0, 5).join(', ').slice(0, 300)}`,
          })
        return toStored(input, await pseudonymOf(input.userId), numbers)
      }),
    )
    const suspected = suspectBots(stored, userAgent)
    stored.forEach((event, index) => {
      event.suspectedBot = suspected[index]!
    })
    const sent = await queue.send('events', toMessages(stored))
    if (!sent.ok) return err({ kind: 'upstream-failed', upstream: 'the queue', reason: sent.error.reason })
    warnings.sort((a, b) => a.index - b.index)
    return ok({ accepted: entries.length - rejected.length, rejected, warnings })
  }

function check(
  entry: ListEntry,
  nowMs: number,
): Result<EventInput, { eventId: string | null; message: string }> {
  if ('unreadable' in entry) return err({ eventId: null, message: 'the line is not JSON' })
  const parsed = EventInput.safeParse(entry.value)
  const given = (entry.value as { eventId?: unknown } | null)?.eventId
  const eventId = typeof given === 'string' ? given.slice(0, 128) : null
  if (!parsed.success) {
    const message = issuesOf(parsed.error)
      .map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message))
      .join('; ')
    return err({ eventId, message })
  }
  const timeMs = Date.parse(parsed.data.time)
  if (timeMs > nowMs + CLOCK_AHEAD_MAX_MS)
    return err({ eventId, message: `time: ${parsed.data.time} is in the future; check the sender's clock` })
  if (timeMs < nowMs - EVENT_AGE_MAX_MS)
    return err({
      eventId,
      message: `time: ${parsed.data.time} is more than two years ago; check the sender's clock`,
    })
  return ok(parsed.data)
}

function toStored(input: EventInput, user: string, numbers: ReadonlyMap<string, number>): StoredEvent {
  const { eventId, kind, time, itemIds, query, sessionId, requestId, rating } = input
  const items = itemIds.flatMap((id) => numbers.get(id) ?? [])
  return {
    eventId,
    kind,
    user,
    timeMs: Date.parse(time),
    items: [...new Set(items)],
    ...(query === undefined ? {} : { query: query.toWellFormed() }),
    ...(sessionId === undefined ? {} : { session: sessionId }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(rating === undefined ? {} : { rating }),
    suspectedBot: false,
  }
}

/** Cut so that each message stays below 120 KB even when each character takes three bytes. */
export function toMessages(events: readonly StoredEvent[]): EventMessage[] {
  const messages: EventMessage[] = []
  let chars = 0
  for (const event of events) {
    const size = JSON.stringify(event).length
    const current = messages.at(-1)
    if (!current || current.events.length === EVENTS_PER_MESSAGE_MAX || chars + size > MESSAGE_CHARS_MAX) {
      messages.push({ kind: 'events', events: [event] })
      chars = size
    } else {
      current.events.push(event)
      chars += size
    }
  }
  return messages
}
