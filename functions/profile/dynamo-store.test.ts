/** @file DynamoDB that is slow or gone; what it does when all is well is in test/contract/profile-store.ts. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createDynamoProfileStore } from './dynamo-store.ts'

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
  createDynamoProfileStore({ table: 't', region: 'local', accessKeyId: 'a', secretAccessKey: 'b', endpoint })

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
  const event = { eventId: 'e', kind: 'view' as const, user: 'u', timeMs: 1, items: [1], suspectedBot: false }
  expect(await gone.update('u', [event])).toMatchObject({ ok: false, error: { kind: 'unavailable' } })
})
