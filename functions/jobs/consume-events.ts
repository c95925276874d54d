/**
 * @file The events queue: profile, counts and log. Each effect is keyed by event id, so that a message may come again after any
 * of them. Order: the profile first, because a shopper waits for it.
 */
import { parquetWriteBuffer } from 'hyparquet-writer'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { FAST_EVENTS_MAX, FAST_WINDOW_MS } from '../../shared/quality/events/too-fast.ts'
import { EventMessage, type StoredEvent } from '../../shared/schema/events.ts'
import { foldText } from '../../shared/text/normalise.ts'
import { keepEvents } from '../profile/keep.ts'
import type { ConsentRule, ProfileStore } from '../profile/profile.ts'

const BACKOFF_BASE_SECONDS = 2
const BACKOFF_MAX_SECONDS = 120
/** Profiles written at once: below the six connections of a Worker. */
const PROFILES_IN_FLIGHT = 4
/** Shorter says nothing, longer is nobody else's query. */
const QUERY_CHARS = { min: 3, max: 60 }
const DAY_MS = 86_400_000
/** So long a shopper who was too fast counts for nothing. A person who was taken for a bot is heard again after it. */
const FAST_SUSPECTED_MS = DAY_MS
/** So far back what such a shopper did is taken out of the counts. */
const TAKEN_BACK_MS = DAY_MS

type Deps = {
  profiles: ProfileStore
  consentRule: ConsentRule
  db: D1Database
  bucket: Pick<R2Bucket, 'put'>
  clock: () => number
  log: (message: string) => void
}

type Part = { message: Message<unknown>; events: readonly StoredEvent[] }

/**
 * The messages of a batch have their effects together: a shopper's profile is written once and the log is one file, not one for
 * each call of a shop. When that fails, each is settled by itself, so that one that cannot be done does not hold up the others.
 */
export function createConsumeEvents({ profiles, consentRule, db, bucket, clock, log }: Deps) {
  async function settle(parts: readonly Part[]): Promise<void> {
    const events = parts.flatMap((part) => part.events)
    try {
      await updateProfiles(events)
      await countEvents(db, events, clock())
      await noteQueries(db, events, clock())
      await writeLog(bucket, events)
      for (const { message } of parts) message.ack()
    } catch (error) {
      if (parts.length > 1) for (const part of parts) await settle([part])
      else for (const { message } of parts) retry(message, error)
    }
  }

  async function updateProfiles(events: readonly StoredEvent[]): Promise<void> {
    const waiting = [...Map.groupBy(events, ({ user }) => user)]
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const kept = await keepEvents(profiles, ...next, consentRule)
        if (!kept.ok) throw new Error(`profile: ${kept.error.reason}`)
      }
    }
    await Promise.all(Array.from({ length: PROFILES_IN_FLIGHT }, work))
  }

  function retry(message: Message<unknown>, error: unknown): void {
    log(`events wait for another try: ${String(error)}`)
    message.retry({ delaySeconds: Math.min(BACKOFF_MAX_SECONDS, BACKOFF_BASE_SECONDS ** message.attempts) })
  }

  return async (batch: Pick<MessageBatch<unknown>, 'messages'>): Promise<void> => {
    const parts: Part[] = []
    for (const message of batch.messages) {
      const parsed = EventMessage.safeParse(message.body)
      if (parsed.success) parts.push({ message, events: parsed.data.events })
      else {
        // Retried until the queue gives it to the dead letters, where a person sees it.
        log(`a message of the events queue is malformed: ${parsed.error.message.slice(0, 300)}`)
        message.retry()
      }
    }
    if (parts.length > 0) await settle(parts)
  }
}

/**
 * The trigger on events_seen counts each event once (see infra/migrations/0002_create_event_counts.sql). The rows of a batch of 20
 * messages stay below the 2 MB that D1 takes as one value. A shopper who acted faster than a hand over several calls, which the
 * door cannot see, is suspected from then on, and what was counted of the session before is taken back: one transaction.
 */
async function countEvents(db: D1Database, events: readonly StoredEvent[], nowMs: number): Promise<void> {
  const counted = events.filter(({ suspectedBot }) => !suspectedBot)
  if (counted.length === 0) return
  const rows = counted.map(({ eventId, user, kind, timeMs, session, items }) => [
    eventId,
    user,
    kind,
    timeMs,
    session ?? null,
    JSON.stringify(items),
  ])
  const times = counted.map(({ timeMs }) => timeMs)
  const users = JSON.stringify([...new Set(counted.map(({ user }) => user))])
  const [first, last] = [Math.min(...times), Math.max(...times)]
  await db.batch([
    db
      .prepare(
        `INSERT OR IGNORE INTO events_seen (event_id, user, kind, time_ms, session, items)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?)
         WHERE value ->> 1 NOT IN (SELECT user FROM suspected_shoppers WHERE until_ms > ?)`,
      )
      .bind(JSON.stringify(rows), nowMs),
    db
      .prepare(
        `INSERT INTO suspected_shoppers (user, until_ms)
         SELECT DISTINCT user, ? FROM (
           SELECT user, time_ms, lead(time_ms, ?) OVER (PARTITION BY user ORDER BY time_ms) AS later_ms
           FROM events_seen
           WHERE user IN (SELECT value FROM json_each(?)) AND time_ms BETWEEN ? AND ? AND kind <> 'impression'
         ) WHERE later_ms - time_ms <= ?
         ON CONFLICT DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)`,
      )
      .bind(
        ...[nowMs + FAST_SUSPECTED_MS, FAST_EVENTS_MAX, users],
        ...[first - FAST_WINDOW_MS, last + FAST_WINDOW_MS, FAST_WINDOW_MS],
      ),
    db
      .prepare(
        `DELETE FROM events_seen WHERE time_ms >= ? AND user IN (
           SELECT user FROM suspected_shoppers
           WHERE until_ms > ? AND user IN (SELECT value FROM json_each(?))
         )`,
      )
      .bind(first - TAKEN_BACK_MS, nowMs, users),
  ])
}

/** Who searched for what, for suggestions. One row for a shopper and a query, so a message that comes again changes nothing. */
async function noteQueries(db: D1Database, events: readonly StoredEvent[], nowMs: number): Promise<void> {
  const rows = events.flatMap(({ kind, query, user, timeMs, suspectedBot }) => {
    if (kind !== 'search' || suspectedBot || query === undefined) return []
    const text = foldText(query).trim().replace(/\s+/g, ' ')
    return text.length >= QUERY_CHARS.min && text.length <= QUERY_CHARS.max
      ? [[text, user, Math.floor(timeMs / DAY_MS)]]
      : []
  })
  if (rows.length === 0) return
  await db
    .prepare(
      `INSERT INTO query_users (query, user, day)
       SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)
       WHERE value ->> 1 NOT IN (SELECT user FROM suspected_shoppers WHERE until_ms > ?)
       ON CONFLICT DO UPDATE SET day = max(day, excluded.day)`,
    )
    .bind(JSON.stringify(rows), nowMs)
    .run()
}

/**
 * One Parquet file for each hour that the events touch, under `events/date=…/hour=…/`. Named by its content: messages that come
 * again together write the same file. Readers drop repeats by `event_id`.
 */
async function writeLog(bucket: Pick<R2Bucket, 'put'>, events: readonly StoredEvent[]): Promise<void> {
  const byHour = Map.groupBy(events, ({ timeMs }) => new Date(timeMs).toISOString().slice(0, 13))
  for (const [hour, own] of byHour) {
    const [date, hours] = hour.split('T')
    const name = (await sha256Hex(own.map(({ eventId }) => eventId).join('\n'))).slice(0, 24)
    await bucket.put(`events/date=${date}/hour=${hours}/${name}.parquet`, toParquet(own))
  }
}

export function toParquet(events: readonly StoredEvent[]): ArrayBuffer {
  const column = <T>(
    name: string,
    type: 'STRING' | 'BOOLEAN' | 'DOUBLE' | 'TIMESTAMP',
    data: T[],
    nullable = false,
  ) => ({
    name,
    type,
    data,
    nullable,
  })
  return parquetWriteBuffer({
    columnData: [
      column(
        'event_id',
        'STRING',
        events.map(({ eventId }) => eventId),
      ),
      column(
        'kind',
        'STRING',
        events.map(({ kind }) => kind),
      ),
      column(
        'user',
        'STRING',
        events.map(({ user }) => user),
      ),
      column(
        'time',
        'TIMESTAMP',
        events.map(({ timeMs }) => new Date(timeMs)),
      ),
      column(
        'items',
        'STRING',
        events.map(({ items }) => items.join(' ')),
      ),
      column(
        'query',
        'STRING',
        events.map(({ query }) => query ?? null),
        true,
      ),
      column(
        'session',
        'STRING',
        events.map(({ session }) => session ?? null),
        true,
      ),
      column(
        'request_id',
        'STRING',
        events.map(({ requestId }) => requestId ?? null),
        true,
      ),
      column(
        'rating',
        'DOUBLE',
        events.map(({ rating }) => rating ?? null),
        true,
      ),
      column(
        'suspected_bot',
        'BOOLEAN',
        events.map(({ suspectedBot }) => suspectedBot),
      ),
    ],
  })
}
