/** @file Profiles over HTTP, in workerd on DynamoDB's protocol: shown as facts, merged, forgotten, refused. */
import { createMessageBatch } from 'cloudflare:test'
import { beforeAll, expect, it } from 'vitest'
import type { StoredEvent } from '../../shared/schema/events.ts'
import type { ProfileReply, RankedReply } from '../../shared/schema/replies.ts'
import { call, env, KEYS, prepareDatabase, publishIndex, sendJson } from '../../test/fixtures/edge.ts'
import { createSecret } from '../env.ts'
import { createPseudonymOf } from '../http/pseudonym.ts'
import worker from '../index.ts'

const pseudonymOf = createPseudonymOf(createSecret(env.PSEUDONYM_SECRET))
beforeAll(async () => {
  await prepareDatabase()
  await publishIndex([
    { id: 'spk/1', title: 'Bluetooth speaker', brand: 'Nord', category: ['Audio', 'Speakers'], price: 50 },
    { id: 'ink-1', title: 'Ink cartridge', brand: 'HP', category: ['Office', 'Ink'], price: 20 },
  ])
})

let sent = 0
async function deliver(userId: string, item: number, fields: Partial<StoredEvent> = {}): Promise<void> {
  const event: StoredEvent = {
    ...{ eventId: `e${sent++}`, kind: 'view', user: await pseudonymOf(userId) },
    ...{ timeMs: Date.now(), items: [item], suspectedBot: false, ...fields },
  }
  const body = { kind: 'events', events: [event] }
  await worker.queue(
    createMessageBatch('events', [{ id: event.eventId, timestamp: new Date(), attempts: 1, body }]),
    env,
  )
}
const show = (userId: string) => call<ProfileReply>('GET', `/v1/profiles/${encodeURIComponent(userId)}`)
const say = (userId: string, consent: string) =>
  sendJson('PUT', `/v1/profiles/${userId}/consent`, { consent })
const merge = (anonymousId: string, userId: string) =>
  sendJson('POST', '/v1/profiles/merge', { anonymousId, userId })

it('a profile is shown as facts, without any id of the shopper', async () => {
  await deliver('of-profiles-ada@example.org', 1, { kind: 'purchase' })
  const { status, body } = await show('of-profiles-ada@example.org')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    version: 1,
    consent: { word: 'unsaid', remembered: true },
    events: [{ itemId: 'spk/1', kind: 'purchase' }],
    purchases: [{ itemId: 'spk/1' }],
    affinities: { brands: [{ name: 'Nord', share: 1 }], categories: [{ name: 'Speakers', share: 1 }] },
    degraded: [],
  })
  expect(JSON.stringify(body)).not.toContain('ada')
  expect((await show('nobody')).status).toBe(404)
})

it('needs a secret key, and says what is wrong with a request', async () => {
  expect((await call('GET', '/v1/profiles/ada', { key: KEYS.public })).status).toBe(403)
  expect((await call('DELETE', '/v1/profiles/ada', { key: KEYS.public })).status).toBe(403)
  expect((await say('ada', 'perhaps')).status).toBe(400)
  expect((await merge('ada', 'ada')).status).toBe(400)
  expect((await call('GET', `/v1/profiles/${'x'.repeat(257)}`)).status).toBe(400)
})

it('a session that logs in becomes part of the profile, however often that is told', async () => {
  await deliver('of-profiles-session-1', 1)
  await deliver('of-profiles-ben', 2)
  for (let time = 0; time < 2; time++)
    expect((await merge('of-profiles-session-1', 'of-profiles-ben')).status).toBe(204)
  expect((await show('of-profiles-ben')).body.events.map(({ itemId }) => itemId).sort()).toEqual([
    'ink-1',
    'spk/1',
  ])
  expect((await show('of-profiles-session-1')).body.events).toEqual([])
})

it('who is deleted is forgotten, events on their way included', async () => {
  await deliver('of-profiles-cleo', 1)
  const before = Date.now()
  expect((await call('DELETE', '/v1/profiles/of-profiles-cleo')).status).toBe(204)
  await deliver('of-profiles-cleo', 2, { timeMs: before - 1 })
  expect((await show('of-profiles-cleo')).body).toMatchObject({ events: [], purchases: [] })
})

it('who refuses is not remembered and gets the list of a new shopper, until the word is taken back', async () => {
  const list = async (userId: string) => {
    const path = `/v1/recommendations?userId=${userId}`
    return (await call<RankedReply>('GET', path, { key: KEYS.public })).body
  }
  // The first read of a cold connection may miss the profile's 50 ms on a busy machine.
  await expect.poll(async () => (await list('nobody')).degraded, { timeout: 20_000 }).toEqual([])
  await deliver('of-profiles-dan', 1)
  expect((await say('of-profiles-dan', 'refused')).status).toBe(204)
  await deliver('of-profiles-dan', 1, { timeMs: Date.now() + 1 })
  expect((await show('of-profiles-dan')).body).toMatchObject({
    consent: { word: 'refused', remembered: false },
    events: [],
  })
  const [refused, unknown] = [await list('of-profiles-dan'), await list('nobody')]
  expect(refused.hits).toEqual(unknown.hits)
  expect((await say('of-profiles-dan', 'granted')).status).toBe(204)
  await deliver('of-profiles-dan', 1, { timeMs: Date.now() + 2 })
  expect((await show('of-profiles-dan')).body).toMatchObject({
    consent: { word: 'granted' },
    events: [{ itemId: 'spk/1' }],
  })
})
