/**
 * @file What is remembered of a shopper: facts, not vectors, under a pseudonym. A new model or a renamed category never makes
 * a profile stale: brands, categories and prices are looked up when it is read (`affinities.ts`). Pure. As bytes: `pack.ts`.
 *
 * Facts are sets, and each list is "the largest k" of one, by time. The join of two such lists is commutative, associative and idempotent:
 * what fell out is smaller than k others for ever, and a key that comes back comes with a later time. So messages may come
 * twice, late, in any order and grouping, and profiles of two devices may be joined at any time: the facts are the same.
 */
import type { Result } from '../../shared/lib/result.ts'
import type { EventKind, StoredEvent } from '../../shared/schema/events.ts'

export const PROFILE_EVENTS_MAX = 50
export const PROFILE_PURCHASES_MAX = 200
export const PROFILE_WEEKS_MAX = 250
export const DAY_MS = 86_400_000
export const WEEK_MS = 7 * DAY_MS
const HOUR_MS = 3_600_000
/** A rating below this says what is not wanted. */
export const RATING_LIKED_MIN = 3

/** Kinds that say what a shopper wants. An impression is the shop's choice, not the shopper's, and would flood the list. */
export const PROFILE_KINDS = ['view', 'click', 'add-to-cart', 'purchase', 'rating'] as const
export type ProfileKind = (typeof PROFILE_KINDS)[number]
/** Of what was done with one item in a week, the last of these is kept. */
const WEAKEST_FIRST: readonly ProfileKind[] = ['view', 'click', 'rating', 'add-to-cart', 'purchase']

/**
 * What was done with an item, at its latest time within the hour: a thousand clicks in a minute are one entry. By item, kind and
 * hour it is told from others, which also makes a repeat harmless.
 */
export type ProfileEvent = {
  /** Stable item number. */
  item: number
  kind: ProfileKind
  /** Unix milliseconds. */
  timeMs: number
  /** 1 to 5 for `rating`, else 0. */
  rating: number
}
/** An item was bought on this day, counted from 1970. */
export type Purchase = { item: number; day: number }
/** The most that was done with an item in this week, counted from 1970: what tastes are made of. */
export type ItemWeek = { item: number; week: number; kind: ProfileKind }

export type Facts = {
  /** Newest first, at most `PROFILE_EVENTS_MAX`. */
  events: readonly ProfileEvent[]
  /** Newest first, at most `PROFILE_PURCHASES_MAX`. */
  purchases: readonly Purchase[]
  /** Newest first, at most `PROFILE_WEEKS_MAX`. */
  weeks: readonly ItemWeek[]
}
/** To be remembered for recommendations. What `unsaid` means is the shop's to decide: `ConsentRule`. */
export const CONSENTS = ['unsaid', 'granted', 'refused'] as const
export type Consent = (typeof CONSENTS)[number]
export type ConsentRule = 'assumed' | 'required'

export type Profile = Facts & {
  /** Grows by one with each write; 0 before the first. */
  version: number
  consent: Consent
  /** Unix milliseconds of that word; 0 for `unsaid`. */
  consentMs: number
  /** Nothing that happened until then is kept, however late its event comes. 0 when nothing was ever forgotten. */
  cutMs: number
  /** Who this anonymous shopper turned out to be, and when. */
  moved: { to: string; atMs: number } | null
}

export const NO_FACTS: Facts = { events: [], purchases: [], weeks: [] }
export const EMPTY_PROFILE: Profile = {
  ...NO_FACTS,
  version: 0,
  consent: 'unsaid',
  consentMs: 0,
  cutMs: 0,
  moved: null,
}

/**
 * `corrupt`: the bytes are no profile; the next write puts a new one in their place. `version`: a newer Aisle wrote them, and
 * this one leaves them as they are.
 */
export type ProfileFault = { kind: 'timeout' | 'unavailable' | 'corrupt' | 'version'; reason: string }

/** Where profiles live: DynamoDB, or memory in tests. `test/contract/profile-store.ts` says what both must do. */
export type ProfileStore = {
  /**
   * @param user   pseudonym, 32 hex digits
   * @param signal ends the wait; the answer is then a `timeout`
   * @returns null for a shopper that is not known
   */
  read(user: string, signal?: AbortSignal): Promise<Result<Profile | null, ProfileFault>>
  /**
   * Put what `change` makes of a profile in its place; nothing is written when that is the same object. Of several at once none
   * is lost, so `change` may be called again with a newer profile: it has to be pure.
   *
   * @returns the profile as it is now
   */
  update(user: string, change: (before: Profile) => Profile): Promise<Result<Profile, ProfileFault>>
}

export const mayRemember = (consent: Consent, rule: ConsentRule): boolean =>
  consent === 'granted' || (consent === 'unsaid' && rule === 'assumed')

/** Add what events say. Returns `before` itself when they say nothing new, or the shopper is not to be remembered. */
export function applyEvents(
  before: Profile | null,
  events: readonly StoredEvent[],
  rule: ConsentRule = 'assumed',
): Profile {
  return addFacts(before ?? EMPTY_PROFILE, factsOf(events), rule)
}

/** The join of a profile with more facts of the same shopper, those before the cut left out. Likewise. */
export function addFacts(before: Profile, more: Facts, rule: ConsentRule = 'assumed'): Profile {
  if (!mayRemember(before.consent, rule)) return before
  const after = factsSince(joinFacts(before, more), before.cutMs)
  return isSame(before, after) ? before : { ...before, ...after }
}

function factsOf(events: readonly StoredEvent[]): Facts {
  const told = events
    .filter(({ kind, suspectedBot }) => isProfileKind(kind) && !suspectedBot)
    .flatMap(({ kind, items, timeMs, rating = 0 }) =>
      items.map(
        (item): ProfileEvent => ({ item, kind: kind as ProfileKind, timeMs, rating: Math.round(rating) }),
      ),
    )
  return joinFacts(NO_FACTS, { events: told, ...longTerm(told) })
}

const isProfileKind = (kind: EventKind): kind is ProfileKind =>
  (PROFILE_KINDS as readonly string[]).includes(kind)

export const longTerm = (events: readonly ProfileEvent[]): Omit<Facts, 'events'> => ({
  purchases: events
    .filter(({ kind }) => kind === 'purchase')
    .map(({ item, timeMs }) => ({ item, day: Math.floor(timeMs / DAY_MS) })),
  weeks: events
    .filter(({ kind, rating }) => kind !== 'rating' || rating >= RATING_LIKED_MIN)
    .map(({ item, kind, timeMs }) => ({ item, kind, week: Math.floor(timeMs / WEEK_MS) })),
})

/** Order of a list, newest first, and total: also which of two entries with one key is kept. */
type Order<T> = (a: T, b: T) => number
const kindAt = (kind: ProfileKind) => PROFILE_KINDS.indexOf(kind)
const strength = (kind: ProfileKind) => WEAKEST_FIRST.indexOf(kind)
const EVENT_ORDER: Order<ProfileEvent> = (a, b) =>
  b.timeMs - a.timeMs || a.item - b.item || kindAt(a.kind) - kindAt(b.kind) || b.rating - a.rating
const PURCHASE_ORDER: Order<Purchase> = (a, b) => b.day - a.day || a.item - b.item
const WEEK_ORDER: Order<ItemWeek> = (a, b) =>
  b.week - a.week || a.item - b.item || strength(b.kind) - strength(a.kind)

const joinFacts = (a: Facts, b: Facts): Facts => ({
  events: largest(
    [...a.events, ...b.events],
    ({ item, kind, timeMs }) => `${item} ${kind} ${Math.floor(timeMs / HOUR_MS)}`,
    EVENT_ORDER,
    PROFILE_EVENTS_MAX,
  ),
  purchases: largest(
    [...a.purchases, ...b.purchases],
    ({ item, day }) => `${item} ${day}`,
    PURCHASE_ORDER,
    PROFILE_PURCHASES_MAX,
  ),
  weeks: largest(
    [...a.weeks, ...b.weeks],
    ({ item, week }) => `${item} ${week}`,
    WEEK_ORDER,
    PROFILE_WEEKS_MAX,
  ),
})

/** The first entry of each key in this order, and of those the first `max`. */
function largest<T>(entries: T[], keyOf: (entry: T) => string, order: Order<T>, max: number): T[] {
  const kept = new Map<string, T>()
  for (const entry of entries.sort(order)) {
    if (kept.size === max) break
    const key = keyOf(entry)
    if (!kept.has(key)) kept.set(key, entry)
  }
  return [...kept.values()]
}

/**
 * What is newer than a moment. Days and weeks that have begun by then go as a whole: which part of them was before is not known.
 * Being a bound on the order of the lists, it may be drawn before or after a join.
 */
export function factsSince({ events, purchases, weeks }: Facts, cutMs: number): Facts {
  if (cutMs <= 0) return { events, purchases, weeks }
  const [cutDay, cutWeek] = [Math.floor(cutMs / DAY_MS), Math.floor(cutMs / WEEK_MS)]
  return {
    events: events.filter(({ timeMs }) => timeMs > cutMs),
    purchases: purchases.filter(({ day }) => day > cutDay),
    weeks: weeks.filter(({ week }) => week > cutWeek),
  }
}

const isSame = (a: Facts, b: Facts): boolean =>
  isEqual(a.events, b.events, EVENT_ORDER) &&
  isEqual(a.purchases, b.purchases, PURCHASE_ORDER) &&
  isEqual(a.weeks, b.weeks, WEEK_ORDER)

const isEqual = <T>(a: readonly T[], b: readonly T[], order: Order<T>): boolean =>
  a.length === b.length && a.every((entry, index) => order(entry, b[index]!) === 0)

/**
 * A profile as it stands at this time: what is older than `keepMs` is forgotten. A word of refusal is kept for as long as it has not been
 * taken back. Null when nothing is left to remember.
 */
export function freshProfile(profile: Profile, nowMs: number, keepMs: number): Profile | null {
  if (profile.consent === 'refused') return profile
  const sinceMs = nowMs - keepMs
  if (lastMs(profile) <= sinceMs) return null
  const facts = factsSince(profile, sinceMs)
  return isSame(profile, facts) ? profile : { ...profile, ...facts }
}

/** Unix milliseconds at which nothing of a profile is left to remember; null for one that stays. */
export const expiryMs = (profile: Profile, keepMs: number): number | null =>
  profile.consent === 'refused' ? null : lastMs(profile) + keepMs

const lastMs = ({ events, consentMs, cutMs, moved }: Profile): number =>
  Math.max(events[0]?.timeMs ?? 0, consentMs, cutMs, moved?.atMs ?? 0)
