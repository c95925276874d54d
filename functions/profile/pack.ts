/**
 * @file A profile as bytes: at most 3.6 KB, so that a DynamoDB read costs half a read unit. Little-endian, version 1.
 *
 *   offset   size  field
 *   0        1     format u8 = 1
 *   1        1     e u8     events, ≤ 50
 *   2        2     p u16    purchases, ≤ 200
 *   4        22e   events   key u64, item u32, time f64 (unix ms), kind u8 (index in PROFILE_KINDS), rating u8
 *   4 + 22e  12p   purchases  item u32, time f64
 */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import {
  PROFILE_EVENTS_MAX,
  PROFILE_KINDS,
  PROFILE_PURCHASES_MAX,
  type Profile,
  type ProfileEvent,
} from './profile.ts'

const FORMAT = 1
const HEADER_BYTES = 4
const EVENT_BYTES = 22
const PURCHASE_BYTES = 12
export const PROFILE_BYTES_MAX =
  HEADER_BYTES + EVENT_BYTES * PROFILE_EVENTS_MAX + PURCHASE_BYTES * PROFILE_PURCHASES_MAX

export function packProfile({ events, purchases }: Pick<Profile, 'events' | 'purchases'>): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + EVENT_BYTES * events.length + PURCHASE_BYTES * purchases.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, FORMAT)
  view.setUint8(1, events.length)
  view.setUint16(2, purchases.length, true)
  let at = HEADER_BYTES
  for (const event of events) {
    view.setBigUint64(at, BigInt(`0x${event.key}`), true)
    view.setUint32(at + 8, event.item, true)
    view.setFloat64(at + 12, event.timeMs, true)
    view.setUint8(at + 20, PROFILE_KINDS.indexOf(event.kind))
    view.setUint8(at + 21, event.rating)
    at += EVENT_BYTES
  }
  for (const { item, timeMs } of purchases) {
    view.setUint32(at, item, true)
    view.setFloat64(at + 4, timeMs, true)
    at += PURCHASE_BYTES
  }
  return bytes
}

/** Read stored bytes; whatever is not a profile is an `err`, never a throw. `version` is kept beside the bytes. */
export function unpackProfile(bytes: Uint8Array, version: number): Result<Profile, { kind: 'malformed' }> {
  if (bytes.length < HEADER_BYTES) return err({ kind: 'malformed' })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const eventCount = view.getUint8(1)
  const purchaseCount = view.getUint16(2, true)
  const purchasesAt = HEADER_BYTES + EVENT_BYTES * eventCount
  if (view.getUint8(0) !== FORMAT || bytes.length !== purchasesAt + PURCHASE_BYTES * purchaseCount)
    return err({ kind: 'malformed' })

  const events: ProfileEvent[] = []
  for (let at = HEADER_BYTES; at < purchasesAt; at += EVENT_BYTES) {
    const kind = PROFILE_KINDS[view.getUint8(at + 20)]
    if (kind === undefined) return err({ kind: 'malformed' })
    events.push({
      key: view.getBigUint64(at, true).toString(16).padStart(16, '0'),
      item: view.getUint32(at + 8, true),
      kind,
      timeMs: view.getFloat64(at + 12, true),
      rating: view.getUint8(at + 21),
    })
  }
  const purchases = Array.from({ length: purchaseCount }, (_, index) => {
    const at = purchasesAt + PURCHASE_BYTES * index
    return { item: view.getUint32(at, true), timeMs: view.getFloat64(at + 4, true) }
  })
  return ok({ version, events, purchases })
}
