/** @file The shop's event log, read back from its Parquet files in the order of time. */
import { parquetReadObjects } from 'hyparquet'
import { z } from 'zod'
import { toColumns } from '../../shared/quality/events/event-columns.ts'
import { cleanEvents, judgeShoppers } from '../../shared/quality/events/judge-shoppers.ts'
import { EventKind, type StoredEvent } from '../../shared/schema/events.ts'
import type { BlobStore } from '../blob-store.ts'

const EVENTS_PREFIX = 'events/'
const FILES_IN_FLIGHT = 8
/** The newest files are read; a shop of this size has more clicks than one run can use. */
const FILES_MAX = 20_000

const LoggedEvent = z.object({
  event_id: z.string(),
  kind: EventKind,
  user: z.string(),
  time: z.date(),
  items: z.string(),
  query: z.string().nullish(),
  session: z.string().nullish(),
  request_id: z.string().nullish(),
  suspected_bot: z.boolean(),
})

/** Keys of the log's files of this day and later, oldest first. */
export async function listEventFiles(blobs: Pick<BlobStore, 'list'>, sinceMs = 0): Promise<string[]> {
  const since = `${EVENTS_PREFIX}date=${new Date(sinceMs).toISOString().slice(0, 10)}`
  const keys = await blobs.list(EVENTS_PREFIX)
  return keys.filter((key) => key.endsWith('.parquet') && key >= since).slice(-FILES_MAX)
}

/** Events as they lie in the files: in no order, suspected bots among them, and twice where a message came twice. */
export async function* readEvents(blobs: BlobStore, keys: readonly string[]): AsyncGenerator<StoredEvent> {
  for (let from = 0; from < keys.length; from += FILES_IN_FLIGHT) {
    const part = await Promise.all(
      keys.slice(from, from + FILES_IN_FLIGHT).map((key) => readFile(blobs, key)),
    )
    for (const events of part) yield* events
  }
}

/** What models learn from: each event once, oldest first, without those of bots, suspected at the door or judged here. */
export async function readEventLog(blobs: BlobStore): Promise<StoredEvent[]> {
  const events = new Map<string, StoredEvent>()
  for await (const event of readEvents(blobs, await listEventFiles(blobs))) events.set(event.eventId, event)
  const all = [...events.values()]
  return cleanEvents(all, judgeShoppers(toColumns(all))).sort(
    (a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : 1),
  )
}

async function readFile(blobs: BlobStore, key: string): Promise<StoredEvent[]> {
  const object = await blobs.get(key)
  if (!object) return []
  const { bytes } = object
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const rows = await parquetReadObjects({ file })
  return rows.map((row) => {
    const event = LoggedEvent.parse(row)
    return {
      eventId: event.event_id,
      kind: event.kind,
      user: event.user,
      timeMs: event.time.getTime(),
      items: event.items === '' ? [] : event.items.split(' ').map(Number),
      ...(event.query ? { query: event.query } : {}),
      ...(event.session ? { session: event.session } : {}),
      ...(event.request_id ? { requestId: event.request_id } : {}),
      suspectedBot: event.suspected_bot,
    }
  })
}
