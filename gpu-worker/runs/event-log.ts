/** @file The shop's event log, read back from its Parquet files in the order of time. */
import { parquetReadObjects } from 'hyparquet'
import { z } from 'zod'
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

/** Each event once, without suspected bots, oldest first. */
export async function readEventLog(blobs: BlobStore): Promise<StoredEvent[]> {
  const keys = (await blobs.list(EVENTS_PREFIX)).filter((key) => key.endsWith('.parquet')).slice(-FILES_MAX)
  const events = new Map<string, StoredEvent>()
  for (let from = 0; from < keys.length; from += FILES_IN_FLIGHT) {
    const part = await Promise.all(
      keys.slice(from, from + FILES_IN_FLIGHT).map((key) => readFile(blobs, key)),
    )
    for (const event of part.flat()) if (!event.suspectedBot) events.set(event.eventId, event)
  }
  return [...events.values()].sort((a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : 1))
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
