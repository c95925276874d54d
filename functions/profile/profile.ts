/**
 * @file What is remembered of a shopper: facts, not vectors. The last events and the items already bought, under a
 * pseudonym. A new model never makes a profile stale. How it is stored is in `dynamo-store.ts`; as bytes in `pack.ts`.
 */

import type { Result } from '../../shared/lib/result.ts'
import type { EventKind, StoredEvent } from '../../shared/schema/events.ts'

export const PROFILE_EVENTS_MAX = 50
export const PROFILE_PURCHASES_MAX = 200

/** Kinds that say what a shopper wants. An impression is the shop's choice, not the shopper's, and would flood the list. */
export const PROFILE_KINDS = ['view', 'click', 'add-to-cart', 'purchase', 'rating'] as const
export type ProfileKind = (typeof PROFILE_KINDS)[number]

/** One item of one event. */
export type ProfileEvent = {
  /** 64-bit hash of event id and item number, 16 hex digits: what makes a repeat harmless. */
  key: string
  /** Stable item number. */
  item: number
  kind: ProfileKind
  /** Unix milliseconds. */
  timeMs: number
  /** 1 to 5 for `rating`, else 0. */
  rating: number
}

export type Profile = {
  /** Grows by one with each write; 0 before the first. */
  version: number
  /** Newest first, at most `PROFILE_EVENTS_MAX`; equal times are ordered by key. */
  events: readonly ProfileEvent[]
  /** Bought items with the time of the last purchase, newest first, at most `PROFILE_PURCHASES_MAX`. */
  purchases: readonly { item: number; timeMs: number }[]
}

export const EMPTY_PROFILE: Profile = { version: 0, events: [], purchases: [] }

export type ProfileFault = { kind: 'timeout' | 'unavailable'; reason: string }

/** Where profiles live: DynamoDB, or memory in tests. `test/contract/profile-store.ts` says what both must do. */
export type ProfileStore = {
  /**
   * @param user   pseudonym, 32 hex digits
   * @param signal ends the wait; the answer is then a `timeout`
   * @returns null for a shopper that is not known
   */
  read(user: string, signal?: AbortSignal): Promise<Result<Profile | null, ProfileFault>>
  /** Add events to a profile. Safe to repeat and to run twice at once: no event is lost and none counts twice. */
  update(user: string, events: readonly StoredEvent[]): Promise<Result<void, ProfileFault>>
}

/**
 * Add events. The result does not depend on their order or on repeats, because both lists are "the largest k of a set",
 * and what fell out once is smaller than k others for ever. Returns `profile` itself when nothing is new.
 */
export function applyEvents(profile: Profile | null, events: readonly StoredEvent[]): Profile {
  const before = profile ?? EMPTY_PROFILE
  const added = events
    .filter((event) => isProfileKind(event.kind) && !event.suspectedBot)
    .flatMap((event) => [...new Set(event.items)].map((item) => toProfileEvent(event, item)))
  if (added.length === 0) return before

  const byKey = new Map([...before.events, ...added].map((event) => [event.key, event]))
  const boughtMs = new Map(before.purchases.map(({ item, timeMs }) => [item, timeMs]))
  for (const { kind, item, timeMs } of added)
    if (kind === 'purchase') boughtMs.set(item, Math.max(timeMs, boughtMs.get(item) ?? timeMs))

  const after: Profile = {
    version: before.version,
    events: [...byKey.values()]
      .sort((a, b) => b.timeMs - a.timeMs || (a.key < b.key ? -1 : 1))
      .slice(0, PROFILE_EVENTS_MAX),
    purchases: [...boughtMs]
      .map(([item, timeMs]) => ({ item, timeMs }))
      .sort((a, b) => b.timeMs - a.timeMs || a.item - b.item)
      .slice(0, PROFILE_PURCHASES_MAX),
  }
  return isSame(before, after) ? before : after
}

const isProfileKind = (kind: EventKind): kind is ProfileKind =>
  (PROFILE_KINDS as readonly string[]).includes(kind)

function toProfileEvent(event: StoredEvent, item: number): ProfileEvent {
  return {
    key: hash64(`${event.eventId}\n${item}`),
    item,
    kind: event.kind as ProfileKind,
    timeMs: event.timeMs,
    rating: event.rating === undefined ? 0 : Math.round(event.rating),
  }
}

const isSame = (a: Profile, b: Profile): boolean =>
  a.events.length === b.events.length &&
  a.purchases.length === b.purchases.length &&
  a.events.every((event, index) => event.key === b.events[index]!.key) &&
  a.purchases.every(
    ({ item, timeMs }, index) => item === b.purchases[index]!.item && timeMs === b.purchases[index]!.timeMs,
  )

const FNV_OFFSET = 0xcbf29ce484222325n
const FNV_PRIME = 0x100000001b3n

/**
 * FNV-1a over UTF-8, 16 hex digits. Fifty entries collide with probability 1e-16: enough for telling repeats apart.
 * Source: Fowler, Noll, Vo, draft-eastlake-fnv.
 */
export function hash64(text: string): string {
  let hash = FNV_OFFSET
  for (const byte of new TextEncoder().encode(text))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME)
  return hash.toString(16).padStart(16, '0')
}
