/** @file The index job on the in-memory bucket with a real, small encoder: what is published, what is encoded, races, faults. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import { buildIndex } from '../../shared/retrieval/load-index.ts'
import { vectorOf } from '../../shared/retrieval/vector.ts'
import { contentHash, Item } from '../../shared/schema/item.ts'
import { type BatchRow, batchKey } from '../../shared/schema/jobs.ts'
import { MANIFEST_KEY } from '../../shared/schema/manifest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import type { BlobStore } from '../blob-store.ts'
import { createIndexStore } from '../indexing/index-store.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { createIndexItems, JobError } from './index-items.ts'
import type { ModelStore } from './model.ts'
import { createModelStore } from './model-store.ts'

const SMALL = { layers: 1, hidden: 32, heads: 2 }
const never = { expired: () => false }
let blobs: ReturnType<typeof createMemoryBlobStore>
let models: ModelStore
const workerOn = (bucket: BlobStore, own: ModelStore = models) => {
  let encoded = 0
  const job = createIndexItems({
    blobs: bucket,
    store: createIndexStore(bucket),
    models: own,
    nowMs: () => 1_760_000_000_000,
    onEncoded: (count) => {
      encoded += count
    },
  })
  return { run: job.run, encoded: () => encoded }
}
const openModels = (bucket: BlobStore) =>
  createModelStore({ blobs: bucket, modelDir: undefined, precision: 'fp32', threads: 1, seededSize: SMALL })

type Given = { number: number; version?: number; title?: string; price?: number; removed?: boolean }
async function putBatch(batchId: string, rows: Given[]): Promise<void> {
  const lines = await Promise.all(
    rows.map(async ({ number, version = 1, title = `Item ${number}`, price, removed }) => {
      const item = Item.parse({ id: `i${number}`, title, price: price ?? null })
      const row: BatchRow = {
        number,
        version,
        contentHash: await contentHash(item),
        duplicateOf: null,
        item: removed ? null : item,
      }
      return JSON.stringify(row)
    }),
  )
  await blobs.put(batchKey(batchId), new TextEncoder().encode(lines.join('\n')))
}
const published = async () => {
  const loaded = (await createIndexStore(blobs).load())!
  return buildIndex(loaded.manifest, loaded.segments)
}
const titles = async (query: string) => {
  const index = await published()
  return searchLexical(index, analyseQuery(`${query} `), 10).matches.map(({ doc }) => index.title(doc))
}

beforeAll(() => {
  blobs = createMemoryBlobStore()
  models = openModels(blobs)
})
beforeEach(() => blobs.objects.clear())
afterAll(() => models.close())

describe('the index job', () => {
  it('makes the first model, encodes each item and publishes an index that finds them', async () => {
    await putBatch('b1', [
      { number: 1, title: 'Red lamp' },
      { number: 2, title: 'Blue chair' },
    ])
    const worker = workerOn(blobs)
    expect(await worker.run(['b1'], never)).toEqual({ encoded: 2, published: true })
    const index = await published()
    expect(index.manifest).toMatchObject({ version: 1, model: { trained: false, dim: SMALL.hidden } })
    expect(await titles('lamp')).toEqual(['Red lamp'])
    const vector = vectorOf(index, index.docOfNumber(1)!)!
    expect(Math.hypot(...vector)).toBeCloseTo(1, 1)
    for (const blob of [index.manifest.model.queryEncoder, index.manifest.model.vocabulary])
      expect((await blobs.get(blob.key))!.bytes.length).toBe(blob.bytes)
  })

  it('does nothing when a message comes again', async () => {
    await putBatch('b1', [{ number: 1 }])
    const worker = workerOn(blobs)
    await worker.run(['b1'], never)
    expect(await worker.run(['b1'], never)).toEqual({ encoded: 0, published: false })
    expect((await published()).manifest.version).toBe(1)
  })

  it('a change of price or stock is published without encoding anything, also by a worker that starts cold', async () => {
    await putBatch('b1', [{ number: 1, title: 'Lamp', price: 1 }])
    await workerOn(blobs).run(['b1'], never)
    await putBatch('b2', [{ number: 1, version: 2, title: 'Lamp', price: 2 }])
    const cold = workerOn(blobs)
    expect(await cold.run(['b2'], never)).toEqual({ encoded: 0, published: true })
    const index = await published()
    expect(index.price(index.docOfNumber(1)!)).toBe(2)
    expect(vectorOf(index, index.docOfNumber(1)!)).not.toBeNull()
  })

  it('keeps the ranker that the manifest names', async () => {
    await putBatch('b1', [{ number: 1 }])
    await workerOn(blobs).run(['b1'], never)
    const store = createIndexStore(blobs)
    const from = (await store.load())!
    const ranker = { key: 'ranker.onnx', bytes: 1, sha256: '0'.repeat(64), features: ['vector'] }
    await store.publish(from, { ...from.manifest, ranker }, 0)
    await putBatch('b2', [{ number: 2 }])
    await workerOn(blobs).run(['b2'], never)
    expect((await published()).manifest).toMatchObject({ version: 3, ranker })
  })

  it('the newest version wins, in whatever order batches come, and a late removal or revival is not undone', async () => {
    await putBatch('v1', [{ number: 1, version: 1, title: 'First' }])
    await putBatch('v2', [{ number: 1, version: 2, title: 'Second' }])
    await putBatch('v3', [{ number: 1, version: 3, removed: true }])
    const worker = workerOn(blobs)
    await worker.run(['v2'], never)
    await worker.run(['v1'], never)
    expect(await titles('first second')).toEqual(['Second'])
    await worker.run(['v3'], never)
    await worker.run(['v1', 'v2'], never)
    expect(await titles('first second')).toEqual([])
    expect((await published()).has(1, 3)).toBe(true)
  })

  it('two workers that publish at once both succeed, and nothing is lost or there twice', async () => {
    await putBatch('seed', [{ number: 1 }])
    await workerOn(blobs).run(['seed'], never)
    const batches = Array.from({ length: 6 }, (_, at) => `b${at}`)
    await Promise.all(batches.map((id, at) => putBatch(id, [{ number: 10 + at, title: `Fresh ${at}` }])))
    const others = openModels(blobs)
    const [left, right] = [workerOn(blobs), workerOn(blobs, others)]
    await Promise.all(batches.map((id, at) => (at % 2 === 0 ? left : right).run([id], never)))
    await others.close()
    expect((await titles('fresh')).sort()).toEqual(batches.map((_, at) => `Fresh ${at}`))
    expect((await published()).liveCount).toBe(7)
  })

  it('the same batch given to two workers at once is in the index once', async () => {
    await putBatch('b', [{ number: 1, title: 'Once' }])
    const others = openModels(blobs)
    await Promise.all([workerOn(blobs).run(['b'], never), workerOn(blobs, others).run(['b'], never)])
    await others.close()
    const index = await published()
    expect(index.liveCount).toBe(1)
    expect(index.docCount).toBe(1)
  })

  it('publishes nothing once its lease has ended', async () => {
    await putBatch('b', [{ number: 1 }])
    await expect(workerOn(blobs).run(['b'], { expired: () => true })).rejects.toThrow(JobError)
    expect(await blobs.get(MANIFEST_KEY)).toBeNull()
  })

  it('a batch that is not in the bucket yet is an error that says so', async () => {
    await expect(workerOn(blobs).run(['nowhere'], never)).rejects.toThrow('nowhere is not in the bucket')
  })

  it('a damaged segment stops the job instead of being published over', async () => {
    await putBatch('b1', [{ number: 1 }])
    await workerOn(blobs).run(['b1'], never)
    const key = [...blobs.objects.keys()].find((name) => name.startsWith('segments/'))!
    blobs.objects.get(key)!.bytes[10]! ^= 1
    await putBatch('b2', [{ number: 2 }])
    await expect(workerOn(blobs).run(['b2'], never)).rejects.toThrow('checksum')
    expect((await blobs.get(MANIFEST_KEY))!.bytes.length).toBeGreaterThan(0)
  })

  it('merges so that segments stay few, and keeps every item', async () => {
    const worker = workerOn(blobs)
    for (let at = 1; at <= 30; at++) {
      await putBatch(`b${at}`, [{ number: at, title: `Thing ${at}` }])
      await worker.run([`b${at}`], never)
    }
    const index = await published()
    expect(index.manifest.segments.length).toBeLessThanOrEqual(8)
    expect(index.liveCount).toBe(30)
    expect(worker.encoded()).toBe(30)
  })
})

describe('the model store', () => {
  it('loads what it uploaded, and refuses a damaged copy by its name', async () => {
    await putBatch('b', [{ number: 1, title: 'Lamp' }])
    await workerOn(blobs).run(['b'], never)
    const ref = (await published()).manifest.model
    const fresh = openModels(blobs)
    const [again] = await (await fresh.load(ref)).encode(['Lamp'])
    const [before] = await (await models.load(ref)).encode(['Lamp'])
    expect(again).toEqual(before)
    await fresh.close()
    const weights = [...blobs.objects.keys()].find((name) => name.endsWith('.safetensors'))!
    const { bytes } = blobs.objects.get(weights)!
    bytes[bytes.length - 1]! ^= 1
    const other = openModels(blobs)
    await expect(other.load(ref)).rejects.toThrow('damaged')
    await other.close()
  })
  it('a folder that is no checkpoint is an error that names what is missing', async () => {
    const wrong = createModelStore({ blobs, modelDir: '/nonexistent', precision: 'fp32', threads: 1 })
    await expect(wrong.bootstrap(['x'])).rejects.toThrow('config.json')
  })
})
