/** @file When the vectors of an index are put into lists, and how long the manifest goes on naming these. */
import { beforeEach, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { Item } from '../../shared/schema/item.ts'
import type { SegmentRef } from '../../shared/schema/manifest.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { decodeIvfHead } from '../../shared/vector/ivf.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import { createIndexStore, type IndexStore } from '../indexing/index-store.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { listVectors, needsLists } from './list-vectors.ts'

const DIM = 8
const { model, fusion } = fixtureManifest([], {})
const wide = { ...model, dim: DIM }
/** Any segment of these tests is full. */
const LIMITS = { rowsMin: 20, segmentBytes: 2 }

let store: IndexStore
let blobs: ReturnType<typeof createMemoryBlobStore>
beforeEach(() => {
  blobs = createMemoryBlobStore()
  store = createIndexStore(blobs)
})

async function write(from: number, count: number, version = 1): Promise<SegmentRef> {
  const random = createRandom(from)
  const rows = Array.from({ length: count }, (_, at) => ({
    row: {
      ...{ number: from + at, version, contentHash: '0'.repeat(32), duplicateOf: null },
      item: Item.parse({ id: `i${from + at}`, title: 'Lamp' }),
    },
    vector: quantiseItem(Float32Array.from({ length: DIM }, () => gaussian(random))),
  }))
  return (await store.writeSegment(contentOf(rows, DIM), null)).ref
}
async function publish(segments: SegmentRef[]) {
  await store.publish(await store.load(), { model: wide, fusion, segments }, 0)
  return (await store.load())!
}
const list = async () => {
  const from = (await store.load())!
  expect(await listVectors({ store, nowMs: () => 0, threads: 1 }, from, LIMITS)).toBe(true)
  return (await store.load())!
}

it('a small index needs no lists, a large one does until it has them', async () => {
  const segment = await write(1, 19)
  expect(needsLists(await publish([segment]), LIMITS)).toBe(false)
  const before = await publish([segment, await write(100, 10)])
  expect(needsLists(before, LIMITS)).toBe(true)
  const after = await list()
  expect(needsLists(after, LIMITS)).toBe(false)
  const ivf = after.manifest.ivf!
  expect(ivf).toMatchObject({ modelId: wide.id, segments: before.manifest.segments.map(({ id }) => id) })
  const head = decodeIvfHead((await blobs.get(ivf.head.key))!.bytes, ivf.lists.bytes)
  expect(head.ok && head.value.entryCount).toBe(29)
})
it('they go on beside deltas, and are made again when they lack too much', async () => {
  const first = await write(1, 30)
  await publish([first])
  await list()
  const delta = await write(100, 5)
  const beside = await publish([first, delta])
  expect(beside.manifest.ivf!.segments).toEqual([first.id])
  expect(needsLists(beside, LIMITS)).toBe(false)
  const grown = await publish([first, delta, await write(200, 30)])
  expect(needsLists(grown, LIMITS)).toBe(true)
})
it('they end with a segment that was merged away, and with the model', async () => {
  const [first, second] = [await write(1, 15), await write(100, 15)]
  await publish([first, second])
  await list()
  expect((await publish([first, await write(200, 15)])).manifest.ivf).toBeUndefined()
  await list()
  const from = (await store.load())!
  const other = { ...wide, id: 'm2' }
  await store.publish(from, { model: other, fusion, segments: from.manifest.segments }, 0)
  expect((await store.load())!.manifest.ivf).toBeUndefined()
})
it('a row that a newer one replaces is in no list', async () => {
  const first = await write(1, 30)
  await publish([first, await write(1, 10, 2)])
  const { manifest } = await list()
  const head = decodeIvfHead((await blobs.get(manifest.ivf!.head.key))!.bytes, manifest.ivf!.lists.bytes)
  expect(head.ok && head.value.entryCount).toBe(30)
})
