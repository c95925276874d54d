/**
 * @file A profile as bytes: at most 3.6 KB, so that a DynamoDB read costs half a read unit. Little-endian, version 2. Version 1 is read
 * as well; what is written is version 2.
 *
 *   offset  size  field
 *   0       1     format u8 = 2
 *   1       1     consent u8    index in CONSENTS
 *   2       1     moved u8      1 with the part for it, else 0
 *   3       1     e u8          events, ≤ 50
 *   4       1     p u8          purchases, ≤ 200
 *   5       1     w u8          weeks, ≤ 250
 *   6       2     reserved, zero
 *   8       8     consent f64   unix ms
 *   16      8     cut f64       unix ms
 *   24      8     newest f64    unix ms of the newest event, 0 without events
 *   32      24    moved         pseudonym u8[16], unix ms f64
 *   …       11e   events        item u32, u48 ms before the newest, u8 kind (low 4 bits, index in PROFILE_KINDS) and rating (high 4)
 *   …       6p    purchases     item u32, day u16
 *   …       7w    weeks         item u32, week u16, u8 kind
 *
 * Version 1: format u8, events u8, purchases u16 | 22 bytes an event: key u64, item u32, unix ms f64, kind u8, rating u8 | 12 bytes a
 * bought item: item u32, unix ms f64.
 */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { fromHex, toHex } from '../../shared/lib/sha256.ts'
import {
  addFacts,
  CONSENTS,
  DAY_MS,
  EMPTY_PROFILE,
  longTerm,
  PROFILE_EVENTS_MAX,
  PROFILE_KINDS,
  PROFILE_PURCHASES_MAX,
  PROFILE_WEEKS_MAX,
  type Profile,
  type ProfileEvent,
  type ProfileKind,
} from './profile.ts'

const FORMAT = 2
const HEADER_BYTES = 32
const USER_BYTES = 16
const MOVED_BYTES = USER_BYTES + 8
const EVENT_BYTES = 11
const PURCHASE_BYTES = 6
const WEEK_BYTES = 7
export const PROFILE_BYTES_MAX =
  HEADER_BYTES +
  MOVED_BYTES +
  EVENT_BYTES * PROFILE_EVENTS_MAX +
  PURCHASE_BYTES * PROFILE_PURCHASES_MAX +
  WEEK_BYTES * PROFILE_WEEKS_MAX

export function packProfile(profile: Profile): Uint8Array {
  const { events, purchases, weeks, moved } = profile
  const eventsAt = HEADER_BYTES + (moved ? MOVED_BYTES : 0)
  const purchasesAt = eventsAt + EVENT_BYTES * events.length
  const weeksAt = purchasesAt + PURCHASE_BYTES * purchases.length
  const bytes = new Uint8Array(weeksAt + WEEK_BYTES * weeks.length)
  const view = new DataView(bytes.buffer)
  const newestMs = events[0]?.timeMs ?? 0
  bytes.set([FORMAT, CONSENTS.indexOf(profile.consent), moved ? 1 : 0])
  bytes.set([events.length, purchases.length, weeks.length], 3)
  view.setFloat64(8, profile.consentMs, true)
  view.setFloat64(16, profile.cutMs, true)
  view.setFloat64(24, newestMs, true)
  if (moved) {
    bytes.set(fromHex(moved.to), HEADER_BYTES)
    view.setFloat64(HEADER_BYTES + USER_BYTES, moved.atMs, true)
  }
  events.forEach(({ item, kind, timeMs, rating }, index) => {
    const at = eventsAt + EVENT_BYTES * index
    const backMs = newestMs - timeMs
    view.setUint32(at, item, true)
    view.setUint32(at + 4, backMs % 2 ** 32, true)
    view.setUint16(at + 8, Math.floor(backMs / 2 ** 32), true)
    view.setUint8(at + 10, PROFILE_KINDS.indexOf(kind) | (rating << 4))
  })
  purchases.forEach(({ item, day }, index) => {
    const at = purchasesAt + PURCHASE_BYTES * index
    view.setUint32(at, item, true)
    view.setUint16(at + 4, day, true)
  })
  weeks.forEach(({ item, week, kind }, index) => {
    const at = weeksAt + WEEK_BYTES * index
    view.setUint32(at, item, true)
    view.setUint16(at + 4, week, true)
    view.setUint8(at + 6, PROFILE_KINDS.indexOf(kind))
  })
  return bytes
}

export type UnpackError = { kind: 'malformed' } | { kind: 'version'; got: number }

/** Read stored bytes; whatever is not a profile is an `err`, never a throw. `version` is kept beside the bytes. */
export function unpackProfile(bytes: Uint8Array, version: number): Result<Profile, UnpackError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const format = bytes[0] ?? 0
  if (format > FORMAT) return err({ kind: 'version', got: format })
  const profile = format === FORMAT ? unpackV2(bytes, view) : format === 1 ? unpackV1(view) : null
  return profile ? ok({ ...profile, version }) : err({ kind: 'malformed' })
}

function unpackV2(bytes: Uint8Array, view: DataView): Profile | null {
  if (bytes.length < HEADER_BYTES) return null
  const consent = CONSENTS[bytes[1]!]
  const eventsAt = HEADER_BYTES + (bytes[2] === 1 ? MOVED_BYTES : 0)
  const purchasesAt = eventsAt + EVENT_BYTES * bytes[3]!
  const weeksAt = purchasesAt + PURCHASE_BYTES * bytes[4]!
  if (bytes.length !== weeksAt + WEEK_BYTES * bytes[5]!) return null
  if (consent === undefined || bytes[2]! > 1 || bytes[6] !== 0 || bytes[7] !== 0) return null
  const [consentMs, cutMs, newestMs] = [8, 16, 24].map((at) => view.getFloat64(at, true)) as [
    number,
    number,
    number,
  ]
  const moved =
    bytes[2] === 1
      ? {
          to: toHex(bytes.subarray(HEADER_BYTES, HEADER_BYTES + USER_BYTES)),
          atMs: view.getFloat64(HEADER_BYTES + USER_BYTES, true),
        }
      : null
  if (![consentMs, cutMs, newestMs, moved?.atMs ?? 0].every(Number.isSafeInteger)) return null
  const kindAt = (index: number) => PROFILE_KINDS[index]
  const events = readRows(eventsAt, purchasesAt, EVENT_BYTES, (at): ProfileEvent | null => {
    const kind = kindAt(bytes[at + 10]! & 15)
    const backMs = view.getUint32(at + 4, true) + view.getUint16(at + 8, true) * 2 ** 32
    return kind
      ? { item: view.getUint32(at, true), kind, timeMs: newestMs - backMs, rating: bytes[at + 10]! >> 4 }
      : null
  })
  const purchases = readRows(purchasesAt, weeksAt, PURCHASE_BYTES, (at) => ({
    item: view.getUint32(at, true),
    day: view.getUint16(at + 4, true),
  }))
  const weeks = readRows(weeksAt, bytes.length, WEEK_BYTES, (at) => {
    const kind = kindAt(bytes[at + 6]!)
    return kind ? { item: view.getUint32(at, true), week: view.getUint16(at + 4, true), kind } : null
  })
  if (!events || !purchases || !weeks) return null
  return { version: 0, consent, consentMs, cutMs, moved, events, purchases, weeks }
}

/** Null as soon as one row is no such thing. */
function readRows<T>(from: number, to: number, step: number, read: (at: number) => T | null): T[] | null {
  const rows: T[] = []
  for (let at = from; at < to; at += step) {
    const row = read(at)
    if (row === null) return null
    rows.push(row)
  }
  return rows
}

const V1 = { header: 4, event: 22, purchase: 12 }

function unpackV1(view: DataView): Profile | null {
  if (view.byteLength < V1.header) return null
  const purchasesAt = V1.header + V1.event * view.getUint8(1)
  if (view.byteLength !== purchasesAt + V1.purchase * view.getUint16(2, true)) return null
  const events = readRows(V1.header, purchasesAt, V1.event, (at): ProfileEvent | null => {
    const kind: ProfileKind | undefined = PROFILE_KINDS[view.getUint8(at + 20)]
    const timeMs = view.getFloat64(at + 12, true)
    return kind && Number.isSafeInteger(timeMs)
      ? { item: view.getUint32(at + 8, true), kind, timeMs, rating: view.getUint8(at + 21) }
      : null
  })
  const bought = readRows(purchasesAt, view.byteLength, V1.purchase, (at) => {
    const timeMs = view.getFloat64(at + 4, true)
    return Number.isSafeInteger(timeMs)
      ? { item: view.getUint32(at, true), day: Math.floor(timeMs / DAY_MS) }
      : null
  })
  if (!events || !bought) return null
  const { purchases, weeks } = longTerm(events)
  return addFacts(EMPTY_PROFILE, { events, purchases: [...bought, ...purchases], weeks })
}
