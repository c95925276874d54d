/** @file What no manifest names goes, after a while; what one names, or what is of another kind, never. */
import fc from 'fast-check'
import { beforeEach, expect, it } from 'vitest'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { deadRowsKey, ivfKeys, type Manifest, segmentKeys } from '../../shared/schema/manifest.ts'
import type { Published } from '../indexing/index-store.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { createDeleteUnnamed, DELETED_MAX, LOOK_MS, UNNAMED_MS } from './delete-unnamed.ts'

const hash = (n: number) => n.toString(16).padStart(8, '0').padEnd(64, '0')
const blob = (key: string) => ({ key, bytes: 1, sha256: hash(0) })
const never = () => false

let now: number
let manifest: Manifest | null
let blobs: ReturnType<typeof createMemoryBlobStore>
beforeEach(() => {
  now = 0
  blobs = createMemoryBlobStore()
})
const put = (...keys: string[]) => Promise.all(keys.map((key) => blobs.put(key, Uint8Array.of(1))))
const naming = (dead: string[], ivfId: string | null): Manifest =>
  fixtureManifest([], {
    placement: {
      ...{ id: 'p1', shards: [[]], liveCount: 0, lengthSum: 0 },
      deadRows: Object.fromEntries(dead.map((key, at) => [`s${at}`, blob(key)])),
    },
    ...(ivfId
      ? {
          ivf: {
            modelId: 'm1',
            head: blob(ivfKeys(ivfId).head),
            lists: blob(ivfKeys(ivfId).lists),
            segments: [],
          },
        }
      : {}),
  })
const open = () =>
  createDeleteUnnamed({
    blobs,
    store: { load: async () => manifest && ({ manifest } as Published) },
    nowMs: () => now,
  })
const later = async (run: ReturnType<typeof open>) => {
  now += LOOK_MS
  return run(never)
}

it('an old list is deleted when it was without a name for an hour, and not before', async () => {
  const [old, current] = [deadRowsKey('a', hash(1)), deadRowsKey('a', hash(2))]
  const segment = Object.values(segmentKeys('a'))
  await put(old, current, ...segment, ...Object.values(ivfKeys('x')), ...Object.values(ivfKeys('y')))
  manifest = naming([current], 'y')
  const run = open()
  for (let look = 0; look * LOOK_MS < UNNAMED_MS; look++) expect(await later(run)).toBe(0)
  expect(await later(run)).toBe(3)
  expect([...blobs.objects.keys()].sort()).toEqual(
    [current, ...segment, ...Object.values(ivfKeys('y'))].sort(),
  )
})

it('the bucket is not looked through again at once', async () => {
  manifest = naming([], null)
  const run = open()
  let looks = 0
  const { list } = blobs
  blobs.list = (prefix) => {
    looks++
    return list(prefix)
  }
  await run(never)
  await run(never)
  expect(looks).toBe(2) // one for each prefix
})

it('stops when a job has come, and deletes no more than so many at once', async () => {
  await put(...Array.from({ length: DELETED_MAX + 3 }, (_, n) => deadRowsKey(`s${n}`, hash(n))))
  manifest = naming([], null)
  const run = open()
  await run(never)
  now += UNNAMED_MS
  expect(await run(() => true)).toBe(0)
  expect(await later(run)).toBe(DELETED_MAX)
  expect(await later(run)).toBe(3)
})

it('never deletes what the manifest names, however publishes and looks come', async () => {
  const key = fc.integer({ min: 1, max: 5 }).map((n) => deadRowsKey('s', hash(n)))
  const step = fc.record({
    named: fc.uniqueArray(key, { maxLength: 3 }),
    ivf: fc.constantFrom(null, 'x', 'y'),
    hours: fc.constantFrom(0, 0.2, 2),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      now = 0
      blobs = createMemoryBlobStore()
      manifest = null
      const run = open()
      for (const { named, ivf, hours } of steps) {
        const keys = [...named, ...(ivf ? Object.values(ivfKeys(ivf)) : [])]
        await put(...keys)
        manifest = naming(named, ivf)
        now += hours * 60 * 60_000
        await run(never)
        for (const one of keys) expect(blobs.objects.has(one)).toBe(true)
      }
    }),
    { seed: 11, numRuns: 100 },
  )
})
