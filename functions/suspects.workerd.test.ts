/** @file What bots did moves nothing: neither a poisoned session that the door cannot see, nor what the worker judges later. */
import { createMessageBatch, createScheduledController } from 'cloudflare:test'
import { beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../shared/lib/random.ts'
import { toColumns } from '../shared/quality/events/event-columns.ts'
import { eventQuality } from '../shared/quality/events/event-quality.ts'
import { EVENT_QUALITY_KEY, type EventQuality } from '../shared/schema/event-quality.ts'
import { EVENT_KINDS, SIGNALS_KEY, type Signals, type StoredEvent } from '../shared/schema/events.ts'
import { call, env, KEYS, prepareDatabase } from '../test/fixtures/edge.ts'
import worker from './index.ts'

const NOW = Date.now()
const DAY = 86_400_000
let made = 0
const event = (user: string, fields: Partial<StoredEvent> = {}): StoredEvent => ({
  ...{ eventId: `e${made++}`, kind: 'view', user: user.repeat(32), timeMs: NOW - 60_000, items: [1] },
  ...{ suspectedBot: false, ...fields },
})
/** As the queue delivers them: a message is one call of the API, a batch is twenty messages. */
async function deliver(calls: StoredEvent[][]) {
  for (let from = 0; from < calls.length; from += 20)
    await worker.queue(
      createMessageBatch(
        'events',
        calls.slice(from, from + 20).map((events, at) => ({
          ...{ id: `m${made}-${from + at}`, timestamp: new Date(), attempts: 1 },
          body: { kind: 'events', events },
        })),
      ),
      env,
    )
}
const tick = () => worker.scheduled(createScheduledController({ cron: '* * * * *' }), env)
const rowsOf = async (sql: string) => (await env.DB.prepare(sql).all()).results
const counts = async () => ({
  items: await rowsOf('SELECT * FROM item_counts WHERE count <> 0 ORDER BY number, kind, day'),
  pairs: await rowsOf('SELECT * FROM pair_counts WHERE count <> 0 ORDER BY first, second'),
  queries: await rowsOf('SELECT * FROM query_users ORDER BY query, user'),
})
const popular = async () => (await (await env.BUCKET.get(SIGNALS_KEY))!.json<Signals>()).popular

beforeAll(async () => {
  await prepareDatabase()
  const people = [...'abcde'].flatMap((user) => [
    event(user, { items: [1] }),
    event(user, { kind: 'search', items: [], query: 'lamp' }),
    event(user, { kind: 'purchase', items: [1, 2], session: 's' }),
    event(user, { kind: 'purchase', items: [3], session: 's' }),
  ])
  await deliver([people])
  await tick()
})

describe('a poisoned session', () => {
  const clicks = Array.from({ length: 1_000 }, (_, at) =>
    event('9', { kind: 'click', items: [9], timeMs: NOW - 60_000 + at * 60, session: 'bad' }),
  )
  it('of a thousand clicks on one item in a minute, each in a call of its own, moves nothing', async () => {
    const [before, popularBefore] = [await counts(), await popular()]
    await deliver(clicks.map((one) => [one]))
    expect(await counts()).toEqual(before)
    await tick()
    expect(await popular()).toEqual(popularBefore)
  })
  it('moves nothing either when its messages come again', async () => {
    const before = await counts()
    await deliver(clicks.slice(0, 100).map((one) => [one]))
    expect(await counts()).toEqual(before)
  })
  it('does not take others with it: who is just fast enough to be a person is counted', async () => {
    const fast = Array.from({ length: 60 }, (_, at) =>
      event('8', { items: [8], timeMs: NOW - 60_000 + at * 160 }),
    )
    await deliver(fast.map((one) => [one]))
    expect(await rowsOf('SELECT sum(count) AS n FROM item_counts WHERE number = 8')).toEqual([{ n: 60 }])
    await deliver([[event('8', { items: [8], timeMs: NOW - 50_050 })]])
    expect(await rowsOf('SELECT sum(count) AS n FROM item_counts WHERE number = 8')).toEqual([{ n: 0 }])
  })
})

describe('a later judgement', () => {
  it('takes back exactly what was counted of the suspects, and counts them no more', async () => {
    const random = createRandom(5)
    const some = (user: string): StoredEvent[] =>
      Array.from({ length: 60 }, (_, at) =>
        event(user, {
          kind: EVENT_KINDS[Math.floor(random() * EVENT_KINDS.length)]!,
          timeMs: NOW - Math.floor(random() * 5 * DAY),
          items: [...new Set([0, 1, 2].map(() => 1 + Math.floor(random() * 5)))],
          session: `${user}${at % 3}`,
          query: 'cheap lamp',
        }),
      )
    // Some, so that pairs of others and of the suspect lie on the same items.
    await deliver([some('a'), some('b')])
    const before = await counts()
    await deliver([some('7')])
    expect(await counts()).not.toEqual(before)
    const report = {
      ...eventQuality(toColumns([]), { nowMs: NOW }),
      suspectedUsers: ['7'.repeat(32)],
    }
    await env.BUCKET.put(EVENT_QUALITY_KEY, JSON.stringify(report))
    await tick()
    expect(await counts()).toEqual(before)
    await deliver([some('7')])
    expect(await counts()).toEqual(before)
  })
  it('is shown to the shop, and to nobody with a public key', async () => {
    const { status, body } = await call<EventQuality>('GET', '/v1/quality/events')
    expect(status).toBe(200)
    expect(body).toMatchObject({ events: 0, findings: [], bots: { threshold: expect.any(Number) } })
    expect(body).not.toHaveProperty('suspectedUsers')
    expect((await call('GET', '/v1/quality/events', { key: KEYS.public })).status).toBe(403)
  })
  it('that cannot be read changes nothing', async () => {
    const before = await counts()
    await env.BUCKET.put(EVENT_QUALITY_KEY, 'nonsense')
    await tick()
    expect(await counts()).toEqual(before)
  })
  it('is missing in a new shop', async () => {
    await env.BUCKET.delete(EVENT_QUALITY_KEY)
    await tick()
    expect((await call('GET', '/v1/quality/events')).status).toBe(404)
  })
})
