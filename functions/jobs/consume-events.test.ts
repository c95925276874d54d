/** @file How messages of the events queue are settled. What events do to profiles, counts and log is in shopper.workerd.test.ts. */
import { expect, it } from 'vitest'
import { err } from '../../shared/lib/result.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import { createMemoryProfileStore } from '../profile/memory-store.ts'
import type { ProfileStore } from '../profile/profile.ts'
import { createConsumeEvents } from './consume-events.ts'

const user = (n: number) => n.toString(16).padStart(32, '0')
const event = (n: number, of = n): StoredEvent => ({
  eventId: `e${n}`,
  kind: 'view',
  user: user(of),
  timeMs: 1_760_000_000_000,
  items: [n],
  suspectedBot: false,
})

/** A consumer whose database and bucket count what they are given; a message is the events of one call. */
function open(profiles: ProfileStore) {
  const files: string[] = []
  let counted = 0
  const db = {
    prepare: () => ({ bind: () => ({ run: async () => ({}) }) }),
    batch: async () => {
      counted++
      return []
    },
  }
  const consume = createConsumeEvents({
    profiles,
    consentRule: 'assumed',
    db: db as unknown as D1Database,
    bucket: {
      put: async (key: string) => {
        files.push(key)
      },
    } as unknown as Pick<R2Bucket, 'put'>,
    clock: () => 1_760_000_000_000,
    log: () => {},
  })
  const deliver = async (bodies: unknown[]) => {
    const outcome: string[] = bodies.map(() => 'left')
    const messages = bodies.map((body, at) => ({
      id: `m${at}`,
      timestamp: new Date(0),
      attempts: 1,
      body,
      ack: () => {
        outcome[at] = 'done'
      },
      retry: () => {
        outcome[at] = 'again'
      },
    }))
    await consume({ messages: messages as unknown as MessageBatch<unknown>['messages'] })
    return outcome
  }
  return { deliver, files, counted: () => counted }
}
const calls = (...events: StoredEvent[][]) => events.map((own) => ({ kind: 'events', events: own }))

it('a batch is one write of the counts and one file, and a shopper in several messages one write of the profile', async () => {
  const store = createMemoryProfileStore()
  const { deliver, files, counted } = open(store)
  const bodies = calls([event(1, 7)], [event(2, 7), event(3)], [event(4, 7)])
  expect(await deliver(bodies)).toEqual(['done', 'done', 'done'])
  expect([files.length, counted()]).toEqual([1, 1])
  const profile = await store.read(user(7))
  expect(profile).toMatchObject({ ok: true, value: { version: 1 } })
  expect(profile.ok && profile.value!.events.map(({ item }) => item).sort()).toEqual([1, 2, 4])
})

it('one that fails comes again alone, and what is malformed does not touch the others', async () => {
  const store = createMemoryProfileStore()
  const fragile: ProfileStore = {
    ...store,
    update: async (who, change) =>
      who === user(2) ? err({ kind: 'unavailable', reason: 'told to fail' }) : store.update(who, change),
  }
  const { deliver } = open(fragile)
  const bodies = [...calls([event(1)], [event(2)], [event(3)]), { nonsense: true }]
  expect(await deliver(bodies)).toEqual(['done', 'again', 'done', 'again'])
  for (const n of [1, 3]) expect(await store.read(user(n))).toMatchObject({ value: { version: 1 } })
})
