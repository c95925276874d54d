/** @file Faults on the real parts: a killed worker, a killed edge, a slow or absent DynamoDB, repeated and reordered messages. */
import { afterEach, describe, expect, it } from 'vitest'
import type {
  BatchReply,
  ImportReply,
  RankedReply,
  SearchReply,
  StatusReply,
} from '../../shared/schema/replies.ts'
import { eventually, openShop, type Shop } from './shop.ts'

let shop: Shop
afterEach(async () => {
  await shop?.close()
})

const rows = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: `row-${from + index}`,
    title: `Gadget number ${from + index}`,
  }))
const post = (items: unknown[]) =>
  shop.secret.post<ImportReply>('/v1/items', JSON.stringify(items), { 'content-type': 'application/json' })
const batchDone = (batchId: string | null) =>
  eventually(
    () => shop.secret.get<BatchReply>(`/v1/batches/${batchId}`),
    (batch) => batch.state === 'done',
    60,
  )
/** 'gone' while it is being started again. */
const workerState = async () => {
  const health = await fetch(shop.stack.workerHealthUrl(0)).catch(() => null)
  return health ? ((await health.json()) as { state: string }).state : 'gone'
}
const status = () => shop.secret.get<StatusReply>('/v1/status')

describe('worker', () => {
  it('killed in the middle of a job loses nothing: another takes the message when the lease ends', async () => {
    shop = await openShop({ items: 20, leaseSeconds: 6 })
    const { batchId } = await post(rows(0, 600))
    await eventually(workerState, (state) => state === 'working')
    await shop.stack.killWorker(0)
    const batch = await batchDone(batchId)
    expect(batch.searchable).toBe(600)
  }, 120_000)

  it('indexes each item once when two share the queue', async () => {
    shop = await openShop({ items: 0, workers: 2 })
    const replies = await Promise.all([0, 1, 2, 3, 4, 5].map((part) => post(rows(part * 100, 100))))
    for (const reply of replies) await batchDone(reply.batchId)
    expect((await status()).items).toMatchObject({ accepted: 600, searchable: 600 })
    const { hits } = await shop.public.get<SearchReply>('/v1/search?q=gadget+number&limit=100')
    expect(new Set(hits.map((hit) => hit.id)).size).toBe(hits.length)
  }, 120_000)

  it('started with --drain works until the queue is empty and ends with 0', async () => {
    shop = await openShop({ items: 0, workers: 0 })
    const { batchId } = await post(rows(0, 30))
    const { code, log } = await shop.drainOnce()
    expect([code, log.at(-1)]).toEqual([0, 'worker-stopped'])
    expect((await batchDone(batchId)).searchable).toBe(30)
    expect((await shop.drainOnce()).code).toBe(0)
  }, 120_000)

  it('takes a message that comes twice, late or out of order without changing the answer', async () => {
    shop = await openShop({ items: 0 })
    const first = await post([{ id: 'x', title: 'First title' }])
    await batchDone(first.batchId)
    const second = await post([{ id: 'x', title: 'Second title' }])
    await batchDone(second.batchId)
    for (const batchId of [first.batchId, second.batchId, first.batchId])
      await shop.stack.pushJob({ kind: 'index', batchId: batchId! })
    const marker = await post([{ id: 'y', title: 'Marker' }])
    await batchDone(marker.batchId)
    expect((await shop.public.get<SearchReply>('/v1/search?q=second+title')).hits[0]!.id).toBe('x')
    expect((await shop.public.get<SearchReply>('/v1/search?q=first')).hits).toEqual([])
  }, 120_000)
})

describe('edge', () => {
  it('killed between D1 and the queue: the sweep sends the batch after the restart', async () => {
    shop = await openShop({ items: 5 })
    await shop.stack.failQueuePushes(true)
    const { batchId } = await post(rows(0, 10))
    await shop.stack.restartEdge()
    await shop.stack.failQueuePushes(false)
    const batch = await eventually(
      async () => {
        await shop.stack.dispatchCron()
        return shop.secret.get<BatchReply>(`/v1/batches/${batchId}`)
      },
      (reply) => reply.state === 'done',
      90,
    )
    expect(batch.searchable).toBe(10)
  }, 150_000)
})

describe('DynamoDB', () => {
  it('down: recommendations are popular items, say so, and search does not notice', async () => {
    shop = await openShop({ items: 60 })
    await shop.stack.stopDynamo()
    const reply = await shop.public.get<RankedReply>('/v1/recommendations?userId=ada&limit=5')
    expect(reply.degraded.some((name) => name.startsWith('profile-'))).toBe(true)
    expect(reply.hits).toHaveLength(5)
    const found = await shop.public.get<SearchReply>(
      `/v1/search?q=${encodeURIComponent(shop.items[0]!.title)}`,
    )
    expect(found.degraded).toEqual([])
  }, 120_000)
})

describe('index', () => {
  it('corrupt: the old index keeps serving and status says so', async () => {
    shop = await openShop({ items: 40 })
    await shop.stack.putBlob('manifest.json', new TextEncoder().encode('{"format":1,'))
    const after = await eventually(status, (reply) => reply.index.fault !== null)
    expect(after.index.version).toBeGreaterThan(0)
    const found = await shop.public.get<SearchReply>(
      `/v1/search?q=${encodeURIComponent(shop.items[0]!.title)}`,
    )
    expect(found.hits.map((hit) => hit.id)).toContain(shop.items[0]!.id)
  }, 120_000)
})
