/** @file What the worker publishes of a large index is what the edge's shards serve: deltas, merges and removals included. */

import { expect, it } from 'vitest'
import { createShard } from '../../functions/ranking/shard.ts'
import { createShards } from '../../functions/ranking/shards.ts'
import { createIndexStore } from '../../gpu-worker/indexing/index-store.ts'
import { createIndexItems } from '../../gpu-worker/jobs/index-items.ts'
import { createModelStore } from '../../gpu-worker/jobs/model-store.ts'
import { createMemoryBlobStore } from '../../gpu-worker/memory-blob-store.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { buildIndex } from '../../shared/retrieval/load-index.ts'
import { createIndexSource } from '../../shared/retrieval/source.ts'
import { contentHash, Item } from '../../shared/schema/item.ts'
import { batchKey } from '../../shared/schema/jobs.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { createPlainEngine } from '../../shared/vector/plain-engine.ts'
import { createNodeDigest } from '../fixtures/node-digest.ts'
import { objectOf } from '../fixtures/r2-object.ts'

const WORDS = ['red', 'blue', 'lamp', 'chair', 'speaker', 'wireless', 'steel', 'cable']
const BATCHES = 16
const KB = 1024

it('the shards of a published index answer as one isolate with all of it would, publish after publish', async () => {
  const random = createRandom(21)
  const blobs = createMemoryBlobStore()
  const limits = { isolateBytesMax: 40 * KB, shardBytesMax: 60 * KB }
  const store = createIndexStore(blobs, limits)
  const models = createModelStore({
    ...{ blobs, modelDir: undefined, precision: 'fp32', threads: 1 },
    seededSize: { layers: 1, hidden: 32, heads: 2 },
  })
  const job = createIndexItems({ blobs, store, models, nowMs: () => 1_760_000_000_000 })
  const bucket = {
    async get(key: string) {
      const object = await blobs.get(key)
      return object && objectOf(object.bytes, object.etag)
    },
  }
  const opened = new Map<string, ReturnType<typeof createShard>>()
  const shards = createShards({
    open(placementId, at) {
      const name = `${placementId}/${at}`
      const shard =
        opened.get(name) ??
        createShard({ bucket, engine: createPlainEngine(), clock: () => 0, createDigest: createNodeDigest })
      opened.set(name, shard)
      return shard
    },
    clock: () => 0,
    timeout: () => new AbortController().signal,
  })
  const versions = new Map<number, number>()
  const shardCounts = new Set<number>()
  for (let batch = 0; batch < BATCHES; batch++) {
    const numbers = new Set(Array.from({ length: 12 }, () => 1 + Math.floor(random() * 120)))
    const lines = [...numbers].map(async (number) => {
      const version = (versions.get(number) ?? 0) + 1
      versions.set(number, version)
      const word = () => WORDS[Math.floor(random() * WORDS.length)]!
      const item = Item.parse({ id: `i${number}`, title: `${word()} ${word()} ${word()}` })
      const row = { number, version, contentHash: await contentHash(item), duplicateOf: null }
      return JSON.stringify({ ...row, item: random() < 0.15 ? null : item })
    })
    const text = (await Promise.all(lines)).join('\n')
    await blobs.put(batchKey(`b${batch}`), new TextEncoder().encode(text))
    await job.run([`b${batch}`], { expired: () => false })

    const { manifest, segments } = (await store.load())!
    if (!manifest.placement) continue
    shardCounts.add(manifest.placement.shards.length)
    const whole = createIndexSource(buildIndex(manifest, segments))
    for (const query of ['red lamp ', 'wirelss', 'chair cable ']) {
      const retrieval = {
        ...{ terms: analyseQuery(query), vector: null, vectorWeight: 0, filter: [], facets: [] },
        ...{ offset: 0, limit: 50 },
      }
      expect(await shards.source(manifest).retrieve(retrieval)).toEqual(await whole.retrieve(retrieval))
    }
  }
  await models.close()
  expect(shardCounts.size).toBeGreaterThan(1)
})
