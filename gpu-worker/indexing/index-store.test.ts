/** @file When a publish gives an index shards, and that what it says of them is what one isolate with all of it would count. */
import { expect, it } from 'vitest'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { buildIndex } from '../../shared/retrieval/load-index.ts'
import { Item } from '../../shared/schema/item.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { hideRows } from '../../shared/segment/dead-rows.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { createIndexStore } from './index-store.ts'

const rowOf = (number: number, version: number, title: string | null) => ({
  row: {
    ...{ number, version, contentHash: '0'.repeat(32), duplicateOf: null },
    item: title === null ? null : Item.parse({ id: `i${number}`, title }),
  },
  vector: null,
})
const { model, fusion } = fixtureManifest([])
const open = (bytesMax: number) => {
  const blobs = createMemoryBlobStore()
  return { blobs, store: createIndexStore(blobs, { isolateBytesMax: bytesMax, shardBytesMax: bytesMax }) }
}
const write = async (store: ReturnType<typeof open>['store'], rows: ReturnType<typeof rowOf>[]) =>
  (await store.writeSegment(contentOf(rows, 4), null)).ref

it('an index that fits in one isolate is published without a placement', async () => {
  const { store } = open(1e9)
  const segments = [await write(store, [rowOf(1, 1, 'Lamp')])]
  expect(await store.publish(null, { model, fusion, segments }, 0)).toBe(true)
  expect((await store.load())!.manifest.placement).toBeUndefined()
})

it('a larger one is placed on shards, which are told what they cannot see', async () => {
  const { store, blobs } = open(10)
  const old = await write(store, [rowOf(1, 1, 'Lamp'), rowOf(2, 1, 'Red chair'), rowOf(3, 1, 'Sofa')])
  const delta = await write(store, [rowOf(1, 2, 'Blue lamp'), rowOf(3, 2, null)])
  await store.publish(null, { model, fusion, segments: [old, delta] }, 0)
  const first = (await store.load())!
  const placement = first.manifest.placement!
  const index = buildIndex(first.manifest, first.segments)
  expect(placement).toMatchObject({ id: 'v1', shards: [[old.id], [delta.id]], liveCount: 2 })
  expect(placement.lengthSum / placement.liveCount).toBe(index.averageLength)
  expect(Object.keys(placement.deadRows)).toEqual([old.id])
  const hidden = hideRows(first.segments[0]!, (await blobs.get(placement.deadRows[old.id]!.key))!.bytes)
  expect(hidden.ok && [...hidden.value.live]).toEqual([0, 1, 0])

  const writes = blobs.objects.size
  const again = await write(store, [rowOf(9, 1, 'Bed')])
  await store.publish(first, { model, fusion, segments: [old, delta, again] }, 0)
  const second = (await store.load())!.manifest.placement!
  expect(second.id).toBe('v1')
  expect(second.shards.slice(0, 2)).toEqual(placement.shards)
  expect(second.deadRows).toEqual(placement.deadRows)
  expect(blobs.objects.size).toBe(writes + 2)
})
