/** @file What every profile store must do; run on the in-memory one and on DynamoDB's protocol. */
import { beforeAll, describe, expect, it } from 'vitest'
import { forget, grantConsent, refuseConsent } from '../../functions/profile/consent.ts'
import { keepEvents, mergeProfiles } from '../../functions/profile/keep.ts'
import { DAY_MS, PROFILE_EVENTS_MAX, type ProfileStore } from '../../functions/profile/profile.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'

let users = 0
const newUser = () => (users++).toString(16).padStart(32, '0')

const NOW = 1_760_000_000_000
const KEEP_MS = 100 * DAY_MS

const eventOf = (user: string, eventId: string, fields: Partial<StoredEvent> = {}): StoredEvent => ({
  eventId,
  kind: 'view',
  user,
  timeMs: NOW,
  items: [1],
  suspectedBot: false,
  ...fields,
})

/** @param open a store that remembers for `keepMs`, by this clock */
export type OpenStore = (deps: { clock: () => number; keepMs: number }) => Promise<ProfileStore>

export function profileStoreContract(name: string, open: OpenStore): void {
  describe(`profile store: ${name}`, () => {
    let store: ProfileStore
    let now = NOW
    beforeAll(async () => {
      store = await open({ clock: () => now, keepMs: KEEP_MS })
    })
    const add = (user: string, events: StoredEvent[]) => keepEvents(store, user, events, 'assumed')
    const read = async (user: string) => {
      const profile = await store.read(user)
      if (!profile.ok) throw new Error(profile.error.reason)
      return profile.value
    }

    it('knows nothing of a new shopper', async () => {
      expect(await read(newUser())).toBeNull()
    })

    it('returns what was written, field by field', async () => {
      const user = newUser()
      await add(user, [
        eventOf(user, 'a', { items: [7, 4_000_000_000], kind: 'purchase', timeMs: NOW + 123 }),
        eventOf(user, 'b', { items: [9], kind: 'rating', rating: 4, timeMs: NOW + 456 }),
      ])
      const profile = await read(user)
      expect(profile!.version).toBe(1)
      expect(profile!.events.map(({ item, kind, rating }) => ({ item, kind, rating }))[0]).toEqual({
        item: 9,
        kind: 'rating',
        rating: 4,
      })
      const day = Math.floor(NOW / DAY_MS)
      expect(profile!.purchases).toEqual([
        { item: 7, day },
        { item: 4_000_000_000, day },
      ])
      expect(profile!.weeks.map(({ item, kind }) => [item, kind])).toEqual([
        [7, 'purchase'],
        [9, 'rating'],
        [4_000_000_000, 'purchase'],
      ])
    })

    it('does not write when an event comes again', async () => {
      const user = newUser()
      await add(user, [eventOf(user, 'a')])
      const once = await read(user)
      expect((await add(user, [eventOf(user, 'a')])).ok).toBe(true)
      expect(await read(user)).toEqual(once)
    })

    it('writes nothing for events that say nothing of the shopper', async () => {
      const user = newUser()
      await add(user, [
        eventOf(user, 'a', { kind: 'impression' }),
        eventOf(user, 'b', { kind: 'search', items: [], query: 'lamp' }),
        eventOf(user, 'c', { suspectedBot: true }),
      ])
      expect(await read(user)).toBeNull()
    })

    it('keeps shoppers apart', async () => {
      const [ada, ben] = [newUser(), newUser()]
      await add(ada, [eventOf(ada, 'a', { items: [1] })])
      await add(ben, [eventOf(ben, 'b', { items: [2] })])
      expect((await read(ada))!.events.map((event) => event.item)).toEqual([1])
      expect((await read(ben))!.events.map((event) => event.item)).toEqual([2])
    })

    it('loses no event when several writers meet', async () => {
      const user = newUser()
      const written = await Promise.all(
        [0, 1, 2, 3].map((n) => add(user, [eventOf(user, `e${n}`, { items: [n + 1] })])),
      )
      expect(written.every((result) => result.ok)).toBe(true)
      const profile = await read(user)
      expect(profile!.events.map((event) => event.item).sort()).toEqual([1, 2, 3, 4])
      expect(profile!.version).toBe(4)
    })

    it('keeps the newest events when there are more than fit', async () => {
      const user = newUser()
      const events = Array.from({ length: PROFILE_EVENTS_MAX + 10 }, (_, n) =>
        eventOf(user, `e${n}`, { items: [n + 1], timeMs: NOW + n }),
      )
      await add(user, events)
      const profile = await read(user)
      expect(profile!.events).toHaveLength(PROFILE_EVENTS_MAX)
      expect(profile!.events[0]!.item).toBe(PROFILE_EVENTS_MAX + 10)
      expect(profile!.events.at(-1)!.item).toBe(11)
    })

    it('forgets what is older than it shall remember, and then the shopper', async () => {
      const user = newUser()
      await add(user, [
        eventOf(user, 'old', { items: [1], timeMs: NOW - KEEP_MS + DAY_MS }),
        eventOf(user, 'new', { items: [2] }),
      ])
      now = NOW + 2 * DAY_MS
      expect((await read(user))!.events.map(({ item }) => item)).toEqual([2])
      now = NOW + KEEP_MS
      expect(await read(user)).toBeNull()
      await add(user, [eventOf(user, 'back', { items: [3], timeMs: now })])
      expect((await read(user))!.events.map(({ item }) => item)).toEqual([3])
      now = NOW
    })

    it('a shopper who is forgotten stays so, when events of before come late', async () => {
      const user = newUser()
      await add(user, [eventOf(user, 'a')])
      await store.update(user, (before) => forget(before, NOW + 10))
      await add(user, [eventOf(user, 'late', { items: [2], timeMs: NOW + 9 })])
      expect((await read(user))!.events).toEqual([])
      await add(user, [eventOf(user, 'new', { items: [3], timeMs: NOW + 11 })])
      expect((await read(user))!.events.map(({ item }) => item)).toEqual([3])
    })

    it('a refusal holds until it is taken back, however long; what happened meanwhile stays out', async () => {
      const user = newUser()
      await add(user, [eventOf(user, 'a')])
      await store.update(user, (before) => refuseConsent(before, NOW + 1))
      await add(user, [eventOf(user, 'b', { timeMs: NOW + 2 })])
      now = NOW + 3 * KEEP_MS
      expect(await read(user)).toMatchObject({ consent: 'refused', events: [], purchases: [], weeks: [] })
      await store.update(user, (before) => grantConsent(before, now))
      await add(user, [
        eventOf(user, 'meanwhile', { items: [2], timeMs: now - 1 }),
        eventOf(user, 'after', { items: [3], timeMs: now + 1 }),
      ])
      expect((await read(user))!.events.map(({ item }) => item)).toEqual([3])
      now = NOW
    })

    describe('an anonymous session that logs in', () => {
      const merge = (from: string, to: string, atMs: number) =>
        mergeProfiles(store, from, to, atMs, 'assumed')
      const itemsOf = async (user: string) => (await read(user))!.events.map(({ item }) => item).sort()

      it('gives what it did to the shopper, once, also what is still in the queue, and begins anew', async () => {
        const [session, ada] = [newUser(), newUser()]
        await add(ada, [eventOf(ada, 'a', { items: [1] })])
        await add(session, [eventOf(session, 'b', { items: [2], kind: 'purchase', timeMs: NOW + 1 })])
        for (const atMs of [NOW + 10, NOW + 11]) expect((await merge(session, ada, atMs)).ok).toBe(true)
        await add(session, [eventOf(session, 'late', { items: [3], timeMs: NOW + 5 })])
        await add(session, [eventOf(session, 'next', { items: [4], timeMs: NOW + 20 })])
        expect(await itemsOf(ada)).toEqual([1, 2, 3])
        expect((await read(ada))!.purchases.map(({ item }) => item)).toEqual([2])
        expect(await itemsOf(session)).toEqual([4])
      })

      it('gives nothing of one shopper to the next who logs in on the device', async () => {
        const [session, ada, ben] = [newUser(), newUser(), newUser()]
        await add(session, [eventOf(session, 'a', { items: [1] })])
        await merge(session, ada, NOW + 10)
        await add(session, [eventOf(session, 'b', { items: [2], timeMs: NOW + 20 })])
        await merge(session, ben, NOW + 30)
        await add(session, [eventOf(session, 'late', { items: [3], timeMs: NOW + 5 })])
        expect([await itemsOf(ada), await itemsOf(ben)]).toEqual([[1], [2]])
      })

      it('gives the same, whichever of two sessions is first, and nothing to who refuses', async () => {
        const [one, two, ada, ben, cleo] = [newUser(), newUser(), newUser(), newUser(), newUser()]
        await add(one, [eventOf(one, 'a', { items: [1] })])
        await add(two, [eventOf(two, 'b', { items: [2], timeMs: NOW + 1 })])
        const both = async (to: string) => (await read(to))!.events
        await merge(one, ada, NOW + 10)
        await merge(two, ada, NOW + 10)
        await add(two, [eventOf(two, 'b', { items: [2], timeMs: NOW + 1 })])
        await add(one, [eventOf(one, 'a', { items: [1] })])
        const [three, four] = [newUser(), newUser()]
        await add(three, [eventOf(three, 'a', { items: [1] })])
        await add(four, [eventOf(four, 'b', { items: [2], timeMs: NOW + 1 })])
        await merge(four, ben, NOW + 10)
        await merge(three, ben, NOW + 10)
        expect(await both(ben)).toEqual(await both(ada))
        await store.update(cleo, (before) => refuseConsent(before, NOW))
        await merge(ada, cleo, NOW + 20)
        expect(await read(cleo)).toMatchObject({ consent: 'refused', events: [], purchases: [], weeks: [] })
      })
    })
  })
}
