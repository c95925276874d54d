/** @file Scatter and gather when shards misbehave, and how one placement follows another. The clock is the test's. */
import { beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { Retrieval } from '../../shared/retrieval/source.ts'
import type { Manifest, SegmentRef } from '../../shared/schema/manifest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import type { VectorEngine } from '../../shared/vector/engine.ts'
import { createPlainEngine } from '../../shared/vector/plain-engine.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'
import { bucketOf, type Divided, divideIndex } from '../../test/fixtures/divided-index.ts'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { createNodeDigest } from '../../test/fixtures/node-digest.ts'
import { CHECK_STUCK_MS, FAULT_RETRY_MS, type IndexHolder, type ReadBucket } from './index-holder.ts'
import { createShard, type Shard, sliceOf } from './shard.ts'
import { createShards, REST_MS } from './shards.ts'
import { createShows } from './shows.ts'
import { NO_SIGNALS } from './signals.ts'
import { createWarmHolder } from './warm-holder.ts'

const SEGMENTS = [0, 1, 2].map((shard) =>
  [1, 2].map((at) => ({ number: 10 * shard + at, title: `lamp ${'abc'[shard]}${at}` })),
)
const LAMP: Retrieval = {
  terms: analyseQuery('lamp '),
  vector: null,
  vectorWeight: 0,
  filter: [],
  facets: [],
  offset: 0,
  limit: 10,
}
const openShard = (bucket: ReadBucket, engine: VectorEngine = createPlainEngine()) =>
  createShard({ bucket, engine, clock: () => now, createDigest: createNodeDigest })
const never = <T>() => new Promise<T>(() => {})

let divided: Divided
let shardAt: Map<number, Shard>
/** Ends of waits, in the order in which they began. */
let waits: AbortController[]
let now: number
beforeEach(async () => {
  now = 0
  divided = await divideIndex(SEGMENTS, [0, 1, 2])
  shardAt = new Map([0, 1, 2].map((at) => [at, openShard(divided.bucket)]))
  waits = []
})

const open = (logs: string[] = []) =>
  createShards({
    open: (_, at) => shardAt.get(at)!,
    clock: () => now,
    timeout: () => {
      const wait = new AbortController()
      waits.push(wait)
      return wait.signal
    },
    log: (message) => logs.push(message),
  })
const replace = (at: number, change: Partial<Shard>) => shardAt.set(at, { ...shardAt.get(at)!, ...change })
const numbersOf = (found: { items: { number: number }[] } | null) => found!.items.map(({ number }) => number)
/** Time runs out in whatever round waits now, until `work` is done. */
async function outlast<T>(work: Promise<T>): Promise<T> {
  let settled = false
  const done = work.finally(() => {
    settled = true
  })
  while (!settled) {
    await new Promise((resolve) => setImmediate(resolve))
    for (const wait of waits) wait.abort()
  }
  return done
}

describe('a divided index with a bad shard', () => {
  it('answers whole when all are well', async () => {
    const found = await open().source(divided.manifest).retrieve(LAMP)
    expect(numbersOf(found)).toEqual([1, 2, 11, 12, 21, 22])
    expect(found!.degraded).toEqual([])
    expect(found!.items[2]!.display).toMatchObject({ id: 'i11', title: 'lamp b1' })
  })
  it.each(['statistics', 'search', 'show'] as const)(
    'names a shard that hangs in "%s", and the others answer',
    async (method) => {
      await Promise.all([...shardAt].map(([at, shard]) => shard.prepare(sliceOf(divided.manifest, at))))
      replace(2, { [method]: () => never() })
      const work = open().source(divided.manifest).retrieve(LAMP) as Promise<never>
      const found = await outlast(work)
      expect(numbersOf(found).filter((number) => number < 20)).toEqual([1, 2, 11, 12])
      expect(numbersOf(found)).not.toContain(21)
      expect((found as { degraded: string[] }).degraded).toEqual(['shard-2-timeout'])
    },
  )
  it('does not wait again at once for one that was late, and asks it again later', async () => {
    const shards = open()
    await Promise.all([...shardAt].map(([at, shard]) => shard.prepare(sliceOf(divided.manifest, at))))
    const real = shardAt.get(2)!
    let asked = 0
    replace(2, {
      search() {
        asked++
        return never()
      },
    })
    const retrieve = async () => shards.source(divided.manifest).retrieve(LAMP)
    await outlast(retrieve())
    for (let call = 0; call < 3; call++) expect((await retrieve())!.degraded).toEqual(['shard-2-timeout'])
    expect(asked).toBe(1)
    now += REST_MS
    shardAt.set(2, real)
    expect((await retrieve())!.degraded).toEqual([])
  })
  it('names one that throws, and logs why', async () => {
    const logs: string[] = []
    replace(0, { search: () => Promise.reject(new Error('out of memory')) })
    const found = await open(logs).source(divided.manifest).retrieve(LAMP)
    expect(numbersOf(found)).toEqual([11, 12, 21, 22])
    expect(found!.degraded).toEqual(['shard-0-failed'])
    expect(logs.join()).toContain('out of memory')
  })
  it('says of one that cannot load its part what is wrong with it', async () => {
    const [first, second, third] = divided.manifest.segments as [SegmentRef, SegmentRef, SegmentRef]
    divided.objects.get(first.items.key)![200]! ^= 1
    divided.objects.delete(second.terms.key)
    const cut = divided.objects.get(third.items.key)!.slice(0, 100)
    divided.objects.set(third.items.key, cut)
    const items = { ...third.items, bytes: cut.length, sha256: await sha256Hex(cut) }
    const manifest = { ...divided.manifest, segments: [first, second, { ...third, items }] }
    const logs: string[] = []
    expect(await open(logs).prepare(manifest)).toEqual([
      ...['shard-0-blob-corrupt', 'shard-1-blob-missing', 'shard-2-segment-corrupt'],
    ])
    expect(logs.join()).toContain(`segment ${third.id} is malformed`)
  })
  it('says which one estimates, where vectors are asked for', async () => {
    const vector = Float32Array.of(1, 0, 0, 0)
    divided = await divideIndex(
      SEGMENTS.map((rows) => rows.map((row) => ({ ...row, vector }))),
      [0, 1, 2],
    )
    const kernels = loadKernels()
    // Of 32 padded rows of 64 components: arrays and signs, arrays alone, and everything.
    shardAt = new Map(
      [320 + 256, 320, 90e6].map((bytesMax, at) => {
        const engine = createWasmEngine(kernels, { signsFromBytes: 1 })
        return [at, openShard(divided.bucket, { ...engine, limit: () => engine.limit(bytesMax) })]
      }),
    )
    const shards = open()
    const found = await shards.source(divided.manifest).retrieve({ ...LAMP, vector, vectorWeight: 0.5 })
    const degraded = ['shard-0-vectors-estimated', 'shard-1-vectors-missing']
    expect(found!.degraded).toEqual(degraded)
    expect(numbersOf(found)).toHaveLength(6)
    expect((await shards.source(divided.manifest).retrieve(LAMP))!.degraded).toEqual([])
    const items = shards.items(divided.manifest)
    await items.load({ numbers: [1] })
    expect(items.degraded()).toEqual([])
    await items.near([vector], 5, { inStock: false, excluded: new Set() })
    expect(items.degraded()).toEqual(degraded)
    expect(items.isDown()).toBe(false)
  })
  it('never mixes in what is of another version', async () => {
    const real = shardAt.get(1)!
    replace(1, { search: async (...args) => ({ ...(await real.search(...args)), version: 99 }) })
    const found = await open().source(divided.manifest).retrieve(LAMP)
    expect(numbersOf(found)).toEqual([1, 2, 21, 22])
    expect(found!.degraded).toEqual(['shard-1-version'])
  })
  it('forgets the statistics of a part of the shop', async () => {
    const shards = open()
    const real = shardAt.get(0)!
    replace(0, { statistics: () => Promise.reject(new Error('down')) })
    await shards.source(divided.manifest).retrieve(LAMP)
    shardAt.set(0, real)
    const after = await shards.source(divided.manifest).retrieve(LAMP)
    const fresh = await open().source(divided.manifest).retrieve(LAMP)
    expect(after).toEqual(fresh)
  })
  it('asks for the weight of a word once', async () => {
    let asked = 0
    const real = shardAt.get(0)!
    replace(0, {
      statistics: (...args) => {
        asked++
        return real.statistics(...args)
      },
    })
    const source = open().source(divided.manifest)
    for (let call = 0; call < 5; call++) await source.retrieve(LAMP)
    expect(asked).toBe(1)
  })
  it('is no reply at all when none answers', async () => {
    for (const at of [0, 1, 2]) replace(at, { search: () => Promise.reject(new Error('down')) })
    expect(await open().source(divided.manifest).retrieve(LAMP)).toBeNull()
  })
  it.each([
    ['missing', 'blob-missing', (objects: Map<string, Uint8Array>, key: string) => void objects.delete(key)],
    [
      'cut short',
      'blob-corrupt',
      (objects: Map<string, Uint8Array>, key: string) =>
        void objects.set(key, objects.get(key)!.subarray(0, 100)),
    ],
    [
      'damaged',
      'blob-corrupt',
      (objects: Map<string, Uint8Array>, key: string) => {
        objects.get(key)![60]! ^= 4
      },
    ],
  ])('names the one whose file is %s, and takes it back when it is mended', async (_, fault, damage) => {
    const key = divided.manifest.segments[1]!.terms.key
    const good = divided.objects.get(key)!.slice()
    damage(divided.objects, key)
    const source = open().source(divided.manifest)
    const found = await source.retrieve(LAMP)
    expect(numbersOf(found)).toEqual([1, 2, 21, 22])
    expect(found!.degraded).toEqual([`shard-1-${fault}`])
    divided.objects.set(key, good)
    expect((await source.retrieve(LAMP))!.degraded).toEqual([])
  })
})

describe('from one placement to the next', () => {
  const withPlacement = (manifest: Manifest, version: number, shards: number[][]): Manifest => ({
    ...manifest,
    version,
    placement: {
      ...manifest.placement!,
      id: `p${version}`,
      shards: shards.map((own) => own.map((at) => manifest.segments[at]!.id)),
    },
  })
  /** What the isolate read last. */
  const holderOf = (newest: () => Index): IndexHolder => ({
    current: async () => newest(),
    fresh: async () => newest(),
    held: newest,
    signals: () => NO_SIGNALS,
    fault: () => null,
  })

  it('the old one serves until the new shards are loaded, and to the end of what began on it', async () => {
    const next = { ...divided.index, manifest: withPlacement(divided.manifest, 2, [[0, 2], [1]]) }
    let newest: Index = divided.index
    let release = () => {}
    const loaded = new Promise<void>((resolve) => {
      release = resolve
    })
    const opened = new Map<string, Shard>()
    const shards = createShards({
      open(placement, at) {
        const name = `${placement}/${at}`
        const real = opened.get(name) ?? openShard(divided.bucket)
        opened.set(name, real)
        if (placement === 'p1') return real
        return { ...real, prepare: (slice) => loaded.then(() => real.prepare(slice)) }
      },
      clock: () => now,
      timeout: () => new AbortController().signal,
    })
    const holder = createWarmHolder({ holder: holderOf(() => newest), shards, clock: () => 0 })
    const before = (await holder.current())!
    expect(before.manifest.version).toBe(1)
    newest = next
    expect((await holder.current())!.manifest.version).toBe(1)
    release()
    expect((await holder.fresh())!.manifest.version).toBe(2)
    const replies = await Promise.all(
      [before, (await holder.current())!].map(({ manifest }) => shards.source(manifest).retrieve(LAMP)),
    )
    for (const reply of replies) {
      expect(numbersOf(reply)).toEqual([1, 2, 11, 12, 21, 22])
      expect(reply!.degraded).toEqual([])
    }
  })

  it('the old one goes on serving when a shard cannot load the new one, until it can', async () => {
    const next = { ...divided.index, manifest: withPlacement(divided.manifest, 2, [[0], [1], [2]]) }
    let newest: Index = divided.index
    const counted: string[] = []
    const holder = createWarmHolder({
      holder: holderOf(() => newest),
      shards: open(),
      clock: () => now,
      countFault: (name) => counted.push(name),
    })
    await holder.current()
    newest = next
    const real = shardAt.get(1)!
    replace(1, { prepare: () => Promise.reject(new Error('a segment is damaged')) })
    expect((await holder.fresh())!.manifest.version).toBe(1)
    expect(holder.fault()).toBe('not loaded: shard-1-failed')
    expect(counted).toEqual(['load-shard-1-failed'])
    shardAt.set(1, real)
    expect((await holder.fresh())!.manifest.version).toBe(1)
    now += FAULT_RETRY_MS
    expect((await holder.fresh())!.manifest.version).toBe(2)
    expect(holder.fault()).toBeNull()
  })

  it('a shard keeps the version before while it serves the next, and no more than these', async () => {
    const reads: string[] = []
    const bucket = bucketOf(divided.objects)
    const shard = openShard({
      get(key) {
        reads.push(key)
        return bucket.get(key)
      },
    })
    const versions = [1, 2, 3].map((version) => withPlacement(divided.manifest, version, [[0, 1, 2]]))
    const shards = createShards({
      open: () => shard,
      clock: () => now,
      timeout: () => new AbortController().signal,
    })
    for (const manifest of [...versions, versions[1]!])
      expect(numbersOf(await shards.source(manifest).retrieve(LAMP))).toEqual([1, 2, 11, 12, 21, 22])
    // The segments are the same in all versions, and were read once.
    expect(reads.length).toBe(6)
  })

  it('a version that two others replaced while it was loading is not answered by half', async () => {
    const bucket = bucketOf(divided.objects)
    let release = () => {}
    const slow = new Promise<void>((resolve) => {
      release = resolve
    })
    const late = divided.manifest.segments[2]!.items.key
    const shard = openShard({
      async get(key) {
        if (key === late) await slow
        return bucket.get(key)
      },
    })
    const slices = [[0, 2], [0], [1]].map((own, at) =>
      sliceOf(withPlacement(divided.manifest, at + 1, [own]), 0),
    )
    const first = shard.prepare(slices[0]!)
    await shard.prepare(slices[1]!)
    await shard.prepare(slices[2]!)
    release()
    await expect(first).rejects.toThrow('replaced twice')
    expect((await shard.prepare(slices[0]!)).version).toBe(1)
  })

  it('a load that never ends is begun again after a while', async () => {
    const bucket = bucketOf(divided.objects)
    let isHung = true
    const shard = openShard({ get: (key) => (isHung ? never() : bucket.get(key)) })
    const slice = sliceOf(divided.manifest, 0)
    void shard.prepare(slice)
    isHung = false
    now += CHECK_STUCK_MS
    expect((await shard.show(slice, [1])).value).toMatchObject([{ id: 'i1' }])
  })

  it('what is searchable is asked of the shards', async () => {
    const shows = createShows(open())
    const rows = [
      { number: 1, version: 1 },
      { number: 21, version: 1 },
      { number: 21, version: 2 },
      { number: 5, version: 1 },
    ]
    const hollow = { ...divided.index, has: () => false }
    expect(await shows(hollow, rows)).toEqual([true, true, false, false])
    replace(2, { has: () => Promise.reject(new Error('down')) })
    expect(await shows(hollow, rows)).toEqual([true, false, false, false])
    expect(await shows(null, rows)).toEqual([false, false, false, false])
  })
})
