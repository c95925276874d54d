import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EVENT_KINDS, type StoredEvent } from '../../shared/schema/events.ts'
import { refuseConsent } from './consent.ts'
import { PROFILE_BYTES_MAX, packProfile, unpackProfile } from './pack.ts'
import {
  addFacts,
  applyEvents,
  DAY_MS,
  EMPTY_PROFILE,
  type Facts,
  PROFILE_EVENTS_MAX,
  PROFILE_KINDS,
  PROFILE_PURCHASES_MAX,
  PROFILE_WEEKS_MAX,
  type Profile,
  WEEK_MS,
} from './profile.ts'

const SEED = 20_261
const HOUR_MS = 3_600_000
const NOW = 1_760_000_000_000
/** Half a year, so that there are weeks to fall out of; a few items and hours, so that entries meet. */
const event = fc.record({
  eventId: fc.nat().map((n) => `e${n}`),
  kind: fc.constantFrom(...EVENT_KINDS),
  user: fc.constant('0'.repeat(32)),
  timeMs: fc
    .tuple(fc.integer({ min: 0, max: 180 }), fc.integer({ min: 0, max: 3 }), fc.nat(3))
    .map(([days, hours, quarters]) => NOW - days * DAY_MS - hours * HOUR_MS - quarters * 900_000),
  items: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
  rating: fc.integer({ min: 1, max: 5 }),
  suspectedBot: fc.integer({ min: 0, max: 12 }).map((n) => n === 0),
})
const events = fc.array(event, { maxLength: 120 })
const moments = fc.integer({ min: -1, max: 200 }).map((days) => NOW - days * DAY_MS)

/** The same facts, said the slow way: all events at once, sorted, entry by entry. */
function model(list: readonly StoredEvent[], cutMs: number): Facts {
  const told = list
    .filter(({ kind, suspectedBot }) => !suspectedBot && (PROFILE_KINDS as readonly string[]).includes(kind))
    .flatMap(({ kind, items, timeMs, rating = 0 }) => items.map((item) => ({ kind, item, timeMs, rating })))
  const latest = [...Map.groupBy(told, (e) => [e.item, e.kind, Math.floor(e.timeMs / HOUR_MS)].join())]
    .map(([, same]) =>
      same.reduce((a, b) => (b.timeMs > a.timeMs || (b.timeMs === a.timeMs && b.rating > a.rating) ? b : a)),
    )
    .filter(({ timeMs }) => timeMs > cutMs)
    .sort(
      (a, b) =>
        b.timeMs - a.timeMs ||
        a.item - b.item ||
        PROFILE_KINDS.indexOf(a.kind as never) - PROFILE_KINDS.indexOf(b.kind as never),
    )
  const bought = new Set(
    told
      .filter(({ kind }) => kind === 'purchase')
      .map(({ item, timeMs }) => `${Math.floor(timeMs / DAY_MS)} ${item}`),
  )
  const strongest = new Map<string, string>()
  const ranks = ['view', 'click', 'rating', 'add-to-cart', 'purchase']
  for (const { kind, item, timeMs, rating } of told) {
    if (kind === 'rating' && rating < 3) continue
    const key = `${Math.floor(timeMs / WEEK_MS)} ${item}`
    if (ranks.indexOf(kind) > ranks.indexOf(strongest.get(key) ?? '')) strongest.set(key, kind)
  }
  const pairs = (keys: Iterable<string>, since: number) =>
    [...keys]
      .map((key) => key.split(' ').map(Number) as [number, number])
      .filter(([time]) => cutMs <= 0 || time > since)
      .sort((a, b) => b[0] - a[0] || a[1] - b[1])
  return {
    events: latest.slice(0, PROFILE_EVENTS_MAX) as Facts['events'],
    purchases: pairs(bought, Math.floor(cutMs / DAY_MS))
      .slice(0, PROFILE_PURCHASES_MAX)
      .map(([day, item]) => ({ item, day })),
    weeks: pairs(strongest.keys(), Math.floor(cutMs / WEEK_MS))
      .slice(0, PROFILE_WEEKS_MAX)
      .map(([week, item]) => ({ item, week, kind: strongest.get(`${week} ${item}`) as never })),
  }
}
const factsOf = ({ events, purchases, weeks }: Facts): Facts => ({ events, purchases, weeks })
const rated = (list: StoredEvent[]) =>
  list.map((e) => (e.kind === 'rating' ? e : { ...e, rating: undefined }) as StoredEvent)

it('in any order and grouping, with repeats and a cut anywhere between, events make the profile of a sequential model', () => {
  fc.assert(
    fc.property(
      events,
      fc.array(fc.tuple(fc.nat(), fc.nat(40))),
      moments,
      fc.nat(),
      (list, groups, cutMs, cutAt) => {
        const all = rated(list)
        const parts = [
          all.toReversed(),
          ...groups.map(([from, count]) => all.slice(from % (all.length + 1)).slice(0, count)),
        ]
        let profile = EMPTY_PROFILE
        parts.forEach((part, index) => {
          if (index === cutAt % parts.length) profile = addFacts({ ...profile, cutMs }, profile)
          profile = applyEvents(profile, part)
        })
        expect(factsOf(profile)).toEqual(model(all, cutMs))
      },
    ),
    { seed: SEED, numRuns: 300 },
  )
})

it('an event that comes again changes nothing, and says so by identity', () => {
  fc.assert(
    fc.property(events, fc.nat(), (list, from) => {
      const profile = applyEvents(null, list)
      expect(applyEvents(profile, list.slice(from % (list.length + 1)))).toBe(profile)
    }),
    { seed: SEED, numRuns: 200 },
  )
})

it('profiles of two devices join to that of one device with the events of both, in any order and as often as one likes', () => {
  fc.assert(
    fc.property(events, events, events, (a, b, c) => {
      const [of, ...others] = [a, b, c].map((list) => applyEvents(null, list)) as [Profile, Profile, Profile]
      const whole = factsOf(applyEvents(null, [...a, ...b, ...c]))
      const forwards = others.reduce((sum, one) => addFacts(sum, one), of)
      expect(factsOf(forwards)).toEqual(whole)
      expect(factsOf(addFacts(others[1], addFacts(others[0], of)))).toEqual(whole)
      expect(addFacts(forwards, others[0])).toBe(forwards)
    }),
    { seed: SEED, numRuns: 100 },
  )
})

it('a poisoned session, 1,000 clicks on one item in a minute, is at most two entries of each list', () => {
  const history = Array.from(
    { length: 200 },
    (_, n): StoredEvent => ({
      ...{
        eventId: `h${n}`,
        kind: 'view',
        user: 'u',
        timeMs: NOW - n * HOUR_MS,
        items: [n + 2],
        suspectedBot: false,
      },
    }),
  )
  const clicks = Array.from(
    { length: 1_000 },
    (_, n): StoredEvent => ({
      ...{
        eventId: `c${n}`,
        kind: 'click',
        user: 'u',
        timeMs: NOW + n * 60,
        items: [1],
        suspectedBot: false,
      },
    }),
  )
  const calm = applyEvents(null, history)
  const poisoned = applyEvents(calm, clicks)
  for (const list of ['events', 'weeks'] as const) {
    const others = (profile: Profile) => profile[list].filter(({ item }) => item !== 1)
    expect(poisoned[list].length - others(poisoned).length).toBeLessThanOrEqual(2)
    expect(others(poisoned)).toEqual(others(calm).slice(0, others(poisoned).length))
  }
})

it('one shopper with 100,000 events, days out of order, has a profile of the newest, in as many bytes as any', () => {
  const all = Array.from({ length: 100_000 }, (_, n): StoredEvent => {
    const turned = (n * 7_919) % 100_000
    return {
      ...{
        eventId: `e${n}`,
        kind: 'purchase',
        user: 'u',
        items: [1 + (turned % 5_000)],
        suspectedBot: false,
      },
      timeMs: NOW - turned * 600_000,
    }
  })
  let profile = EMPTY_PROFILE
  for (let from = 0; from < all.length; from += 500)
    profile = applyEvents(profile, all.slice(from, from + 500))
  expect(profile.events.map(({ item }) => item)).toEqual(
    Array.from({ length: PROFILE_EVENTS_MAX }, (_, n) => n + 1),
  )
  expect(profile.purchases).toHaveLength(PROFILE_PURCHASES_MAX)
  expect(profile.weeks).toHaveLength(PROFILE_WEEKS_MAX)
  expect(packProfile({ ...profile, moved: { to: 'ab'.repeat(16), atMs: NOW } })).toHaveLength(
    PROFILE_BYTES_MAX,
  )
  // 300 bytes are for the key, the version, the expiry and the names of the attributes.
  expect(PROFILE_BYTES_MAX).toBeLessThanOrEqual(4_096 - 300)
})

const profile = fc
  .record({
    facts: events.map((list) => factsOf(applyEvents(null, list))),
    consent: fc.constantFrom('unsaid', 'granted', 'refused'),
    moved: fc.option(fc.record({ to: fc.constant('0123456789abcdef'.repeat(2)), atMs: moments })),
    times: fc.tuple(moments, moments),
  })
  .map(
    ({ facts, consent, moved, times: [consentMs, cutMs] }) =>
      ({ ...EMPTY_PROFILE, ...facts, consent, moved, consentMs, cutMs }) as Profile,
  )

it('a profile survives packing and stays within its bytes', () => {
  fc.assert(
    fc.property(profile, (one) => {
      const bytes = packProfile(one)
      expect(bytes.length).toBeLessThanOrEqual(PROFILE_BYTES_MAX)
      expect(unpackProfile(bytes, 0)).toEqual({ ok: true, value: one })
    }),
    { seed: SEED, numRuns: 200 },
  )
})

it('any bytes are a profile or a clear refusal, never a throw', () => {
  const damaged = fc
    .tuple(profile, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), fc.nat(40))
    .map(([one, changes, cut]) => {
      const bytes = packProfile(one)
      for (const [at, byte] of changes) bytes[at % 40] = byte
      return bytes.slice(0, bytes.length - (cut > 20 ? cut : 0))
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => {
      const read = unpackProfile(bytes, 1)
      if (!read.ok) expect(bytes[0]! > 2 ? 'version' : 'malformed').toBe(read.error.kind)
      else if (
        bytes[0] === 2 &&
        read.value.events[0]?.timeMs === new DataView(bytes.buffer).getFloat64(24, true)
      )
        expect(packProfile(read.value)).toEqual(bytes)
    }),
    { seed: SEED, numRuns: 1_000 },
  )
})

it('version 1 is read: its events and bought items, and the weeks that they tell of', () => {
  const bytes = new Uint8Array(4 + 22 + 2 * 12)
  const view = new DataView(bytes.buffer)
  bytes.set([1, 1, 2, 0])
  view.setUint32(12, 7, true)
  view.setFloat64(16, NOW, true)
  bytes.set([4, 5], 24) // a rating of 5
  for (const [at, item] of [
    [26, 8],
    [38, 9],
  ] as const) {
    view.setUint32(at, item, true)
    view.setFloat64(at + 4, NOW - item * DAY_MS, true)
  }
  const today = Math.floor(NOW / DAY_MS)
  expect(unpackProfile(bytes, 3)).toEqual({
    ok: true,
    value: {
      ...EMPTY_PROFILE,
      version: 3,
      events: [{ item: 7, kind: 'rating', timeMs: NOW, rating: 5 }],
      purchases: [
        { item: 8, day: today - 8 },
        { item: 9, day: today - 9 },
      ],
      weeks: [{ item: 7, kind: 'rating', week: Math.floor(NOW / WEEK_MS) }],
    },
  })
})

it('a shopper who refuses is not remembered, nor one who has not said a word where a word is required', () => {
  const view: StoredEvent = {
    ...{ eventId: 'e', kind: 'view', user: 'u', timeMs: NOW, items: [1], suspectedBot: false },
  }
  const refused = refuseConsent(applyEvents(null, [view]), NOW)
  expect(factsOf(refused)).toEqual({ events: [], purchases: [], weeks: [] })
  expect(applyEvents(refused, [{ ...view, timeMs: NOW + 1 }])).toBe(refused)
  expect(applyEvents(EMPTY_PROFILE, [view], 'required')).toBe(EMPTY_PROFILE)
})
