/** @file DynamoDB that is slow or gone, rows that are wrong, and writers that meet; what it does when all is well is in test/contract/profile-store.ts. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import type { StoredEvent } from '../../shared/schema/events.ts'
import { type DynamoClient, DynamoError, type WireItem } from './dynamo-client.ts'
import { createDynamoProfileStore } from './dynamo-store.ts'
import { keepEvents, mergeProfiles } from './keep.ts'
import { applyEvents, DAY_MS, EMPTY_PROFILE } from './profile.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server that takes requests and never answers; `asked` resolves when one has come. */
async function openSilent() {
  let tell = () => {}
  const asked = new Promise<void>((resolve) => {
    tell = resolve
  })
  const server = createServer(() => tell())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
const storeAt = (endpoint: string) =>
  createDynamoProfileStore(
    { table: 't', region: 'local', accessKeyId: 'a', secretAccessKey: 'b', endpoint },
    { clock: () => 0, keepMs: DAY_MS },
  )

it('a DynamoDB that does not answer is a timeout as soon as the budget ends', async () => {
  const { asked, endpoint } = await openSilent()
  const budget = new AbortController()
  const reading = storeAt(endpoint).read('u', budget.signal)
  await asked
  budget.abort()
  expect(await reading).toMatchObject({ ok: false, error: { kind: 'timeout' } })
})

it('a budget that is used up before the call asks nobody', async () => {
  const { endpoint } = await openSilent()
  expect(await storeAt(endpoint).read('u', AbortSignal.abort())).toMatchObject({
    ok: false,
    error: { kind: 'timeout' },
  })
})

it('a DynamoDB that is not there is unavailable, for reading and for writing', async () => {
  const gone = storeAt('http://127.0.0.1:9')
  expect(await gone.read('u')).toMatchObject({ ok: false, error: { kind: 'unavailable' } })
  const forgotten = await gone.update('u', (before) => ({ ...before, cutMs: 1 }))
  expect(forgotten).toMatchObject({ ok: false, error: { kind: 'unavailable' } })
})

const CONFIG = { table: 't', region: 'local', accessKeyId: 'a', secretAccessKey: 'b' }
const NOW = 1_760_000_000_000
const KEEP = { clock: () => NOW, keepMs: 100 * DAY_MS }

/** The two calls of DynamoDB that the store makes, in memory; each waits for its `turn`. */
function createRows(turn: () => Promise<unknown> = async () => {}) {
  const rows = new Map<string, WireItem>()
  const dynamo: DynamoClient = {
    async getItem({ Key }) {
      await turn()
      return rows.get(Key['user']!.S!) ?? null
    },
    async putItem({ Item, ExpressionAttributeValues: values }) {
      await turn()
      const user = Item['user']!.S!
      if (rows.get(user)?.['version']?.N !== values?.[':version']?.N)
        throw new DynamoError('ConditionalCheckFailedException', 'lost')
      rows.set(user, Item)
    },
  }
  return { rows, store: createDynamoProfileStore(CONFIG, KEEP, dynamo) }
}
const view = (item: number, timeMs = NOW): StoredEvent => ({
  ...{ eventId: `e${item}`, kind: 'view', user: 'u', timeMs, items: [item], suspectedBot: false },
})
const bytesOf = (text: string) => ({ B: btoa(text) })

it('bytes that are no profile are a fault for who reads, and the next write puts a profile in their place', async () => {
  const { rows, store } = createRows()
  rows.set('u', { user: { S: 'u' }, version: { N: '7' }, profile: bytesOf('\u0002 nonsense') })
  expect(await store.read('u')).toMatchObject({ ok: false, error: { kind: 'corrupt' } })
  expect((await keepEvents(store, 'u', [view(1)], 'assumed')).ok).toBe(true)
  expect(await store.read('u')).toMatchObject({ ok: true, value: { version: 8, events: [{ item: 1 }] } })
})

it('a profile of a newer Aisle is a fault for who reads, and nobody writes over it', async () => {
  const { rows, store } = createRows()
  const row = { user: { S: 'u' }, version: { N: '7' }, profile: bytesOf('\u0003 to come') }
  rows.set('u', row)
  expect(await store.read('u')).toMatchObject({ ok: false, error: { kind: 'version' } })
  expect(await keepEvents(store, 'u', [view(1)], 'assumed')).toMatchObject({ error: { kind: 'version' } })
  expect(rows.get('u')).toBe(row)
})

it('a row says when it expires, unless it holds a refusal', async () => {
  const { rows, store } = createRows()
  await keepEvents(store, 'u', [view(1, NOW - 500)], 'assumed')
  expect(rows.get('u')!['expires']).toEqual({ N: String((NOW + KEEP.keepMs) / 1_000) })
  await store.update('u', (before) => ({ ...before, consent: 'refused' }))
  expect(rows.get('u')!['expires']).toBeUndefined()
})

it('however writers and a login meet, no event is lost and none is kept twice', async () => {
  const [session, ada] = ['a'.repeat(32), 'b'.repeat(32)]
  const groups = fc.array(fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }), { maxLength: 2 })
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), groups, groups, async (scheduler, ofSession, ofAda) => {
      const { store } = createRows(() => scheduler.schedule(Promise.resolve()))
      const eventsOf = (items: number[]) => items.map((item) => view(item, NOW - item * DAY_MS))
      const writes = [
        ...ofSession.map((items) => keepEvents(store, session, eventsOf(items), 'assumed')),
        mergeProfiles(store, session, ada, NOW, 'assumed'),
        ...ofAda.map((items) => keepEvents(store, ada, eventsOf(items), 'assumed')),
      ]
      const done = await scheduler.waitFor(Promise.all(writes))
      expect(done.every(({ ok }) => ok)).toBe(true)
      const profile = await scheduler.waitFor(store.read(ada))
      const facts = applyEvents(EMPTY_PROFILE, eventsOf([...ofSession, ...ofAda].flat()))
      const { events, purchases, weeks } = facts
      expect((profile.ok && profile.value) || EMPTY_PROFILE).toMatchObject({ events, purchases, weeks })
      const left = await scheduler.waitFor(store.read(session))
      expect(left).toMatchObject({ ok: true, value: { events: [], weeks: [], moved: { to: ada } } })
    }),
    { seed: 9, numRuns: 100 },
  )
})
