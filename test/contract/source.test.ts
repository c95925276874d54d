import { expect, it } from 'vitest'
import { createIvfReader, type ReadRange } from '../../functions/ranking/ivf.ts'
import { createRemoteVectorSource } from '../../functions/ranking/remote-vectors.ts'
import { createShard } from '../../functions/ranking/shard.ts'
import { createShards } from '../../functions/ranking/shards.ts'
import { createVectorize } from '../../functions/ranking/vectorize.ts'
import { buildIvf } from '../../gpu-worker/indexing/build-ivf.ts'
import { createNodeEngine } from '../../gpu-worker/runtime/kernels.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { createIndexSource } from '../../shared/retrieval/source.ts'
import type { IvfRef } from '../../shared/schema/manifest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { dequantise } from '../../shared/vector/quantise.ts'
import { vectorizeId } from '../../shared/vector/vectorize.ts'
import { type Divided, divideIndex } from '../fixtures/divided-index.ts'
import { createMemoryVectorize } from '../fixtures/memory-vectorize.ts'
import { createNodeDigest } from '../fixtures/node-digest.ts'
import { sourceContract } from './source.ts'

const never = () => new AbortController().signal

/** Every version that was ever written is still there: what the index does not show must not come back. */
function fillVectorize({ index, manifest }: Divided) {
  const { dim, id: namespace } = manifest.model
  const vectorize = createMemoryVectorize(dim)
  for (const { segment } of index.segments)
    for (let row = 0; row < segment.rows; row++) {
      const scale = segment.vectorScale[row]!
      if (scale === 0) continue
      const values = [...dequantise(segment.vectors, row * dim, dim, scale)]
      vectorize.upsert([{ id: vectorizeId(segment.number[row]!, segment.version[row]!), values, namespace }])
    }
  vectorize.upsert([{ id: 'of somebody else', values: [1, 1, 1, 1], namespace }])
  vectorize.upsert([{ id: vectorizeId(99, 1), values: [1, 0, 0, 0], namespace: 'another model' }])
  vectorize.settle()
  return vectorize
}

sourceContract('the index of an isolate', async ({ index }) => createIndexSource(index))
sourceContract('shards', async ({ bucket, manifest }) => {
  const shards = manifest.placement!.shards.map(() =>
    createShard({ bucket, engine: createNodeEngine(), clock: () => 0, createDigest: createNodeDigest }),
  )
  return createShards({ open: (_, at) => shards[at]!, clock: () => 0, timeout: never }).source(manifest)
})
sourceContract('Vectorize, on an in-memory double of its binding', async (divided) =>
  createRemoteVectorSource(
    divided.index,
    createVectorize({ binding: fillVectorize(divided).binding, timeout: never }),
  ),
)

/** Of two of the three segments: the isolate scans the third itself. */
async function listsOf({ index, objects, bucket, manifest }: Divided) {
  const covered = index.segments.slice(0, 2).map(({ segment }) => segment)
  const { dim, id: modelId } = manifest.model
  const options = { threads: 1, seed: 1, listCount: 3 }
  const files = (await buildIvf(covered, dim, () => true, options))!
  const put = async (key: string, bytes: Uint8Array) => {
    objects.set(key, bytes)
    return { key, bytes: bytes.length, sha256: await sha256Hex(bytes) }
  }
  const ref: IvfRef = {
    modelId,
    head: await put('head', files.head),
    lists: await put('lists', files.lists),
    segments: covered.map(({ ref }) => ref.id),
  }
  const readRange: ReadRange = async (key, { offset, length }) =>
    objects.get(key)!.slice(offset, offset + length)
  return createIvfReader({ bucket, readRange, timeout: never })(ref)
}
sourceContract('inverted lists in a bucket', async (divided) =>
  createRemoteVectorSource(divided.index, await listsOf(divided)),
)

const lamp = [{ number: 1, title: 'Lamp', vector: Float32Array.of(1, 0, 0, 0) }]
const hybrid = {
  ...{ terms: analyseQuery('lamp '), vector: Float32Array.of(1, 0, 0, 0), vectorWeight: 0.5 },
  ...{ filter: [], facets: [], offset: 0, limit: 5 },
}
it('words answer while Vectorize is too slow or down, and the reply says so', async () => {
  const { index } = await divideIndex([lamp], [0])
  const ended = () => AbortSignal.abort()
  const slow = createVectorize({ binding: { query: () => new Promise(() => {}) }, timeout: ended })
  const down = createVectorize({
    binding: { query: () => Promise.reject(new Error('down')) },
    timeout: never,
  })
  for (const [remote, degraded] of [
    [slow, 'vectorize-timeout'],
    [down, 'vectorize-failed'],
  ] as const) {
    const found = await createRemoteVectorSource(index, remote).retrieve(hybrid)
    expect(found!.items.map(({ number }) => number)).toEqual([1])
    expect(found!.degraded).toEqual([degraded])
  }
})
it('a query of another dimension than the Vectorize index has is a failure that is named', async () => {
  const { index } = await divideIndex([lamp], [0])
  const remote = createVectorize({ binding: createMemoryVectorize(8).binding, timeout: never })
  expect((await createRemoteVectorSource(index, remote).retrieve(hybrid))!.degraded).toEqual([
    'vectorize-failed',
  ])
})
