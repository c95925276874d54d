/** @file The queue keeps what Cloudflare promises: at least once, leases, retries with delay, dead letters, on disk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttpQueue } from '../../gpu-worker/queue.ts'
import { type QueueServer, startQueueServer } from './queue-server.ts'

const TOKEN = 'token'
const QUEUES = { jobs: { retriesMax: 2, deadLetterQueue: 'jobs-dlq' }, 'jobs-dlq': { retriesMax: 0 } }
let nowMs = 0
const open: QueueServer[] = []
const start = async (file = ':memory:') => {
  const server = await startQueueServer({ file, token: TOKEN, queues: QUEUES, clock: () => nowMs })
  open.push(server)
  return server
}
const clientOf = (server: QueueServer, token = TOKEN) =>
  createHttpQueue({ apiUrl: server.url, account: 'a', queue: 'jobs', token })
const post = (server: QueueServer, path: string, body: unknown, token = TOKEN) =>
  fetch(`${server.url}/accounts/a/queues/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

describe('the queue, through the client that production uses', () => {
  it('gives a message once while it is leased, and never again after it is done', async () => {
    const server = await start()
    const client = clientOf(server)
    await post(server, 'jobs/messages', { body: { n: 1 } })
    const [message] = await client.pull(10, 1_000)
    expect(message).toMatchObject({ body: { n: 1 }, attempts: 1 })
    expect(await client.pull(10, 1_000)).toEqual([])
    await client.settle({ done: [message!.leaseId], again: [] })
    nowMs += 10_000
    expect(await client.pull(10, 1_000)).toEqual([])
  })
  it('gives it again when the lease ends, and then ignores the old lease', async () => {
    const server = await start()
    const client = clientOf(server)
    server.push('jobs', ['x'])
    const [first] = await client.pull(1, 1_000)
    nowMs += 1_001
    const [second] = await client.pull(1, 1_000)
    expect(second).toMatchObject({ body: 'x', attempts: 2 })
    await client.settle({ done: [first!.leaseId], again: [] })
    expect(server.depth('jobs')).toBe(1)
    await client.settle({ done: [second!.leaseId], again: [] })
    expect(server.depth('jobs')).toBe(0)
  })
  it('waits as long as a retry asks', async () => {
    const server = await start()
    const client = clientOf(server)
    server.push('jobs', ['x'])
    const [message] = await client.pull(1, 1_000)
    await client.settle({ done: [], again: [{ leaseId: message!.leaseId, delaySeconds: 30 }] })
    nowMs += 29_000
    expect(await client.pull(1, 1_000)).toEqual([])
    nowMs += 1_001
    expect(await client.pull(1, 1_000)).toHaveLength(1)
  })
  it('moves a message to the dead letters after its retries, body and all', async () => {
    const server = await start()
    const client = clientOf(server)
    server.push('jobs', [{ poison: true }])
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [message] = await client.pull(1, 1_000)
      expect(message!.attempts).toBe(attempt)
      await client.settle({ done: [], again: [{ leaseId: message!.leaseId, delaySeconds: 0 }] })
    }
    expect(await client.pull(1, 1_000)).toEqual([])
    expect(server.pull('jobs-dlq', 1, 1_000)).toMatchObject([{ body: { poison: true } }])
  })
  it('keeps everything over a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aisle-queue-'))
    try {
      const file = join(folder, 'queue.sqlite')
      const before = await start(file)
      before.push('jobs', [1, 2, 3])
      before.pull('jobs', 1, 5_000)
      await before.close()
      open.length = 0
      const after = await start(file)
      expect(after.pull('jobs', 10, 5_000).map(({ body }) => body)).toEqual([2, 3])
      nowMs += 5_001
      expect(after.pull('jobs', 10, 5_000).map(({ body }) => body)).toEqual([1, 2, 3])
    } finally {
      for (const server of open.splice(0)) await server.close()
      rmSync(folder, { recursive: true })
    }
  })
})

it.each([
  ['a wrong token', 'jobs/messages/pull', {}, 'wrong', 401],
  ['an unknown queue', 'nope/messages/pull', {}, TOKEN, 404],
  ['a body that is not JSON', 'jobs/messages/pull', '{', TOKEN, 400],
  ['a batch of 101', 'jobs/messages/batch', { messages: Array(101).fill({ body: 1 }) }, TOKEN, 400],
  ['a message of 200 kB', 'jobs/messages', { body: 'x'.repeat(200_000) }, TOKEN, 400],
  ['a pull of 101', 'jobs/messages/pull', { batch_size: 101 }, TOKEN, 400],
])('%s is refused and changes nothing', async (_name, path, body, token, status) => {
  const server = await start()
  const reply = await post(server, path, body, token)
  expect(reply.status).toBe(status)
  expect(await reply.json()).toMatchObject({ success: false })
  expect(server.depth('jobs')).toBe(0)
})

it('no message is lost and none is held by two, whatever clients do', async () => {
  const server = await start()
  let names = 0
  const action = fc.oneof(
    fc.record({ do: fc.constant('push' as const) }),
    fc.record({ do: fc.constant('pull' as const), max: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('ack' as const), at: fc.nat() }),
    fc.record({ do: fc.constant('retry' as const), at: fc.nat() }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 2_000 }) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      let pushed = 0
      let acked = 0
      const held = new Map<string, { body: unknown; untilMs: number }>()
      const before = server.depth('jobs') + server.depth('jobs-dlq')
      for (const step of actions) {
        const leases = [...held].filter(([, { untilMs }]) => untilMs > nowMs)
        if (step.do === 'push') {
          server.push('jobs', [`m${names++}`])
          pushed++
        } else if (step.do === 'wait') nowMs += step.ms
        else if (step.do === 'pull')
          for (const { leaseId, body } of server.pull('jobs', step.max, 1_000)) {
            const others = leases.filter(([id, other]) => id !== leaseId && other.body === body)
            expect(others).toEqual([])
            held.set(leaseId, { body, untilMs: nowMs + 1_000 })
          }
        else if (leases.length > 0) {
          const [leaseId] = leases[step.at % leases.length]!
          held.delete(leaseId)
          if (step.do === 'ack') {
            server.settle('jobs', [leaseId], [])
            acked++
          } else server.settle('jobs', [], [{ leaseId, delaySeconds: 0 }])
        }
      }
      expect(server.depth('jobs') + server.depth('jobs-dlq') - before).toBe(pushed - acked)
    }),
    { seed: 7, numRuns: 100 },
  )
})
