/** @file What every profile store must do; run on the in-memory one and on DynamoDB's protocol. */
import { beforeAll, describe, expect, it } from 'vitest'
import { PROFILE_EVENTS_MAX, type ProfileStore } from '../../functions/profile/profile.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'

let users = 0
const newUser = () => (users++).toString(16).padStart(32, '0')

const eventOf = (user: string, eventId: string, fields: Partial<StoredEvent> = {}): StoredEvent => ({
  eventId,
  kind: 'view',
  user,
  timeMs: 1_760_000_000_000,
  items: [1],
  suspectedBot: false,
  ...fields,
})

export function profileStoreContract(name: string, open: () => Promise<ProfileStore>): void {
  describe(`profile store: ${name}`, () => {
    let store: ProfileStore
    beforeAll(async () => {
      store = await open()
    })
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
      await store.update(user, [
        eventOf(user, 'a', { items: [7, 4_000_000_000], kind: 'purchase', timeMs: 1_760_000_000_123 }),
        eventOf(user, 'b', { items: [9], kind: 'rating', rating: 4, timeMs: 1_760_000_000_456 }),
      ])
      const profile = await read(user)
      expect(profile!.version).toBe(1)
      expect(profile!.events.map(({ item, kind, rating }) => ({ item, kind, rating }))[0]).toEqual({
        item: 9,
        kind: 'rating',
        rating: 4,
      })
      expect(profile!.purchases).toEqual([
        { item: 7, timeMs: 1_760_000_000_123 },
        { item: 4_000_000_000, timeMs: 1_760_000_000_123 },
      ])
    })

    it('does not write when an event comes again', async () => {
      const user = newUser()
      await store.update(user, [eventOf(user, 'a')])
      const once = await read(user)
      expect((await store.update(user, [eventOf(user, 'a')])).ok).toBe(true)
      expect(await read(user)).toEqual(once)
    })

    it('writes nothing for events that say nothing of the shopper', async () => {
      const user = newUser()
      await store.update(user, [
        eventOf(user, 'a', { kind: 'impression' }),
        eventOf(user, 'b', { kind: 'search', items: [], query: 'lamp' }),
        eventOf(user, 'c', { suspectedBot: true }),
      ])
      expect(await read(user)).toBeNull()
    })

    it('keeps shoppers apart', async () => {
      const [ada, ben] = [newUser(), newUser()]
      await store.update(ada, [eventOf(ada, 'a', { items: [1] })])
      await store.update(ben, [eventOf(ben, 'b', { items: [2] })])
      expect((await read(ada))!.events.map((event) => event.item)).toEqual([1])
      expect((await read(ben))!.events.map((event) => event.item)).toEqual([2])
    })

    it('loses no event when several writers meet', async () => {
      const user = newUser()
      const written = await Promise.all(
        [0, 1, 2, 3].map((n) => store.update(user, [eventOf(user, `e${n}`, { items: [n + 1] })])),
      )
      expect(written.every((result) => result.ok)).toBe(true)
      const profile = await read(user)
      expect(profile!.events.map((event) => event.item).sort()).toEqual([1, 2, 3, 4])
      expect(profile!.version).toBe(4)
    })

    it('keeps the newest events when there are more than fit', async () => {
      const user = newUser()
      const events = Array.from({ length: PROFILE_EVENTS_MAX + 10 }, (_, n) =>
        eventOf(user, `e${n}`, { items: [n + 1], timeMs: 1_760_000_000_000 + n }),
      )
      await store.update(user, events)
      const profile = await read(user)
      expect(profile!.events).toHaveLength(PROFILE_EVENTS_MAX)
      expect(profile!.events[0]!.item).toBe(PROFILE_EVENTS_MAX + 10)
      expect(profile!.events.at(-1)!.item).toBe(11)
    })
  })
}
