import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EVENT_KINDS, type StoredEvent } from '../../shared/schema/events.ts'
import { PROFILE_BYTES_MAX, packProfile, unpackProfile } from './pack.ts'
import { applyEvents, EMPTY_PROFILE, PROFILE_EVENTS_MAX, PROFILE_PURCHASES_MAX } from './profile.ts'

const SEED = 20_261
/** What an event says is fixed by its id: a repeat is the same event. */
const event = fc.integer({ min: 0, max: 400 }).map(
  (n): StoredEvent => ({
    eventId: `e${n}`,
    kind: EVENT_KINDS[n % EVENT_KINDS.length]!,
    user: 'u'.repeat(32),
    timeMs: 1_760_000_000_000 + ((n * 7919) % 60) * 1_000,
    items: Array.from({ length: 1 + (n % 4) }, (_, index) => 1 + ((n * 31 + index * 17) % 300)),
    ...(n % 7 === 6 ? { rating: 1 + (n % 5) } : {}),
    suspectedBot: n % 13 === 0,
  }),
)
const events = fc.array(event, { maxLength: 300 })

it('the order and grouping of events do not change the profile', () => {
  fc.assert(
    fc.property(events, fc.nat(), fc.nat(), (list, cut, turn) => {
      const at = cut % (list.length + 1)
      const turned = [...list.slice(turn % (list.length + 1)), ...list.slice(0, turn % (list.length + 1))]
      const whole = applyEvents(null, list)
      expect(applyEvents(applyEvents(null, list.slice(0, at)), list.slice(at))).toEqual(whole)
      expect(applyEvents(null, turned.reverse())).toEqual(whole)
    }),
    { seed: SEED, numRuns: 200 },
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

it('a profile survives packing and stays within its bytes', () => {
  fc.assert(
    fc.property(events, (list) => {
      const profile = applyEvents(null, list)
      const bytes = packProfile(profile)
      expect(bytes.length).toBeLessThanOrEqual(PROFILE_BYTES_MAX)
      expect(unpackProfile(bytes, 0)).toEqual({ ok: true, value: profile })
    }),
    { seed: SEED, numRuns: 200 },
  )
})

it('any bytes are a profile or a clear refusal, never a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const profile = unpackProfile(bytes, 1)
      if (!profile.ok) expect(profile.error.kind).toBe('malformed')
      else expect(packProfile(profile.value)).toEqual(bytes)
    }),
    { seed: SEED, numRuns: 500 },
  )
})

it('the largest profile is under the 4 KB of half a read unit', () => {
  const full = Array.from({ length: PROFILE_PURCHASES_MAX + 100 }, (_, n): StoredEvent => {
    return {
      eventId: `e${n}`,
      kind: 'purchase',
      user: 'u',
      timeMs: n,
      items: [n + 1],
      suspectedBot: false,
    }
  })
  const profile = applyEvents(EMPTY_PROFILE, full)
  expect(profile.events).toHaveLength(PROFILE_EVENTS_MAX)
  expect(profile.purchases).toHaveLength(PROFILE_PURCHASES_MAX)
  expect(packProfile(profile).length).toBe(PROFILE_BYTES_MAX)
  // 300 bytes are for the key, the version and the names of the attributes.
  expect(PROFILE_BYTES_MAX).toBeLessThanOrEqual(4_096 - 300)
})
