/** @file The index in an isolate: how often it looks, what it does with a bad publish, that a reader sees one index whole. */
import { beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { searchVector, vectorOf } from '../../shared/retrieval/vector.ts'
import { contentHash, Item } from '../../shared/schema/item.ts'
import { MANIFEST_KEY, type SegmentRef, segmentKeys } from '../../shared/schema/manifest.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { createNodeDigest } from '../../test/fixtures/node-digest.ts'
import { objectOf } from '../../test/fixtures/r2-object.ts'
import {
  CHECK_STUCK_MS,
  createIndexHolder,
  FAULT_RETRY_MS,
  MANIFEST_CHECK_MS,
  RETIRED_MS,
  type ReadBucket,
} from './index-holder.ts'

/** R2 in memory: `get` with a condition answers an unchanged object without its body. */
function createBucket() {
  const objects = new Map<string, { bytes: Uint8Array; etag: string }>()
  const reads: string[] = []
  const stalled = new Set<string>()
  let failing = false
  let writes = 0
  const bucket: ReadBucket = {
    async get(key, options) {
      reads.push(key)
      if (failing) throw new Error('R2 is down')
      const object = objects.get(key)
      if (!object) return null
      if (options?.onlyIf?.etagDoesNotMatch === object.etag)
        return { etag: object.etag, size: object.bytes.length }
      const found = objectOf(object.bytes, object.etag, options?.range)
      return stalled.has(key) ? { ...found, body: new ReadableStream({ type: 'bytes' }) } : found
    },
  }
  return {
    bucket,
    objects,
    /** Keys of which the body never comes. */
    stalled,
    readsOf: (key: string) => reads.filter((one) => one === key).length,
    fail: (on: boolean) => {
      failing = on
    },
    put(key: string, bytes: Uint8Array | string) {
      const data = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
      objects.set(key, { bytes: data, etag: `e${writes++}` })
    },
  }
}

let now = 0
let r2: ReturnType<typeof createBucket>
let counted: string[] = []
const open = (engine = createWasmEngine(loadKernels())) =>
  createIndexHolder({
    ...{ bucket: r2.bucket, engine, clock: () => now, createDigest: createNodeDigest },
    countFault: (name) => counted.push(name),
  })

async function putSegment(id: string, titles: string[], from = 1): Promise<SegmentRef> {
  const rows = await Promise.all(
    titles.map(async (title, at) => {
      const item = Item.parse({ id: `${id}-${at}`, title })
      const row = {
        number: from + at,
        version: 1,
        contentHash: await contentHash(item),
        duplicateOf: null,
        item,
      }
      return { row, vector: quantiseItem(Float32Array.of(from, at, 0, 1)) }
    }),
  )
  const files = encodeSegment(contentOf(rows, 4))
  const keys = segmentKeys(id)
  const blob = async (key: string, bytes: Uint8Array) => {
    r2.put(key, bytes)
    return { key, bytes: bytes.length, sha256: await sha256Hex(bytes) }
  }
  return {
    id,
    rows: rows.length,
    items: await blob(keys.items, files.items),
    terms: await blob(keys.terms, files.terms),
  }
}
const publish = (version: number, ...refs: SegmentRef[]) =>
  r2.put(MANIFEST_KEY, JSON.stringify(fixtureManifest(refs, { version })))

beforeEach(() => {
  now = 1_000_000
  r2 = createBucket()
})

describe('the index holder', () => {
  it('has no index before the first publish, and one at the next check after it', async () => {
    const holder = open()
    expect(await holder.current()).toBeNull()
    publish(1, await putSegment('a', ['lamp']))
    now += MANIFEST_CHECK_MS
    expect((await holder.current())!.liveCount).toBe(1)
    expect(holder.fault()).toBeNull()
  })
  it('keeps no vectors that lie elsewhere, and follows when lists come to cover a segment, or no longer do', async () => {
    const ref = await putSegment('a', ['lamp', 'chair'])
    const engine = createWasmEngine(loadKernels())
    let elsewhere = true
    const holder = createIndexHolder({
      ...{ bucket: r2.bucket, engine, clock: () => now, createDigest: createNodeDigest },
      needsVectors: () => !elsewhere,
    })
    const near = (index: Index) =>
      searchVector(index, Float32Array.of(1, 0, 0, 0), 5).map(({ doc }) => index.title(doc))
    publish(1, ref)
    const bare = (await holder.current())!
    expect(engine.state().usedBytes).toBe(0)
    expect(searchLexical(bare, analyseQuery('lamp '), 5).matches).toHaveLength(1)
    expect(near(bare)).toEqual([])
    expect(vectorOf(bare, 0)).toBeNull()
    elsewhere = false
    publish(2, ref)
    now += MANIFEST_CHECK_MS
    const whole = (await holder.fresh())!
    expect(near(whole)).toHaveLength(2)
    const { usedBytes } = engine.state()
    elsewhere = true
    publish(3, ref)
    now += MANIFEST_CHECK_MS
    expect(near((await holder.fresh())!)).toEqual([])
    now += RETIRED_MS
    await holder.fresh()
    expect(engine.state().usedBytes).toBeLessThan(usedBytes)
  })
  it('looks at the manifest once in two seconds at most, and only when asked', async () => {
    publish(1, await putSegment('a', ['lamp']))
    const holder = open()
    for (let call = 0; call < 50; call++) await holder.current()
    expect(r2.readsOf(MANIFEST_KEY)).toBe(1)
    now += MANIFEST_CHECK_MS - 1
    await holder.current()
    expect(r2.readsOf(MANIFEST_KEY)).toBe(1)
    now += 1
    await holder.fresh()
    expect(r2.readsOf(MANIFEST_KEY)).toBe(2)
  })
  it('serves the old index to the request that triggers a check, and the new one to those after', async () => {
    const first = await putSegment('a', ['lamp'])
    publish(1, first)
    const holder = open()
    await holder.current()
    publish(2, first, await putSegment('b', ['chair'], 10))
    now += MANIFEST_CHECK_MS
    const work: Promise<unknown>[] = []
    expect((await holder.current((promise) => work.push(promise)))!.manifest.version).toBe(1)
    await Promise.all(work)
    expect((await holder.current())!.manifest.version).toBe(2)
  })
  it('reads a segment once, however often it is published again', async () => {
    const first = await putSegment('a', ['lamp'])
    publish(1, first)
    const holder = open()
    await holder.current()
    publish(2, first, await putSegment('b', ['chair'], 10))
    now += MANIFEST_CHECK_MS
    await holder.fresh()
    expect(r2.readsOf(segmentKeys('a').items)).toBe(1)
    expect(r2.readsOf(segmentKeys('b').items)).toBe(1)
  })
  it('a request that began on the old index finds its vectors; later they make room', async () => {
    const engine = createWasmEngine(loadKernels())
    publish(1, await putSegment('a', ['lamp']))
    const holder = open(engine)
    const old = (await holder.current())!
    const next = await putSegment('b', ['chair'], 10)
    publish(2, next)
    now += MANIFEST_CHECK_MS
    expect(vectorOf((await holder.fresh())!, 0)![0]).toBeCloseTo(10)
    expect(vectorOf(old, 0)![0]).toBeCloseTo(1)
    now += RETIRED_MS
    expect(vectorOf((await holder.fresh())!, 0)![0]).toBeCloseTo(10)
    expect(vectorOf(old, 0)).toBeNull()
  })
  it('keeps no vectors of a publish that turned out unusable', async () => {
    const engine = createWasmEngine(loadKernels())
    publish(1, await putSegment('a', ['lamp']))
    const holder = open(engine)
    await holder.current()
    const sizes = new Set<number>()
    for (let version = 2; version < 40; version++) {
      const bad = await putSegment('bad', ['chair'], 10)
      publish(version, await putSegment(`big${version}`, Array(50).fill('lamp'), 20), { ...bad, rows: 7 })
      now += MANIFEST_CHECK_MS
      await holder.fresh()
      expect(holder.fault()).toContain('malformed')
      sizes.add(engine.state().usedBytes)
    }
    expect(sizes.size).toBe(1)
  })
  it('a body that stalls keeps no request waiting that has an index, and what it took is free for the next check', async () => {
    const waits: AbortController[] = []
    const timeout = () => {
      waits.push(new AbortController())
      return waits.at(-1)!.signal
    }
    const engine = createWasmEngine(loadKernels())
    const holder = createIndexHolder({
      ...{ bucket: r2.bucket, engine, clock: () => now, createDigest: createNodeDigest, timeout },
    })
    publish(1, await putSegment('a', ['lamp']))
    await holder.current()
    const [slow, quick] = [await putSegment('b', ['chair'], 10), await putSegment('c', ['sofa'], 20)]
    publish(2, slow, quick)
    r2.stalled.add(slow.items.key)
    now += MANIFEST_CHECK_MS
    expect((await holder.current())!.manifest.version).toBe(1)
    const fresh = holder.fresh()
    // The last wait to begin is that of the request; the others are for bytes.
    waits.at(-1)!.abort()
    expect((await fresh)!.manifest.version).toBe(1)
    expect((await holder.current())!.manifest.version).toBe(1)
    r2.stalled.clear()
    now += CHECK_STUCK_MS
    expect((await holder.fresh())!.manifest.version).toBe(2)
    const { usedBytes } = engine.state()
    for (const wait of waits) wait.abort()
    now += RETIRED_MS
    const index = (await holder.fresh())!
    expect(index.segments.map(({ part }) => engine.vectorOf(part, 0)?.[0])).toEqual([10, 20])
    expect(engine.state().usedBytes).toBeLessThan(usedBytes)
    expect(holder.fault()).toBeNull()
  })
  it('codes that had no room beside the old index are read once it is gone, behind the requests', async () => {
    const engine = createWasmEngine(loadKernels(), { signsFromBytes: 1 })
    // 32 padded rows of 64 components: codes of one segment beside arrays and signs of two.
    const bytesMax = 2 * (320 + 256) + 2_048
    const holder = open({ ...engine, limit: () => engine.limit(bytesMax) })
    publish(1, await putSegment('a', ['lamp', 'chair']))
    await holder.current()
    const next = await putSegment('b', ['sofa', 'table'], 10)
    publish(2, next)
    now += MANIFEST_CHECK_MS
    const [{ part }] = (await holder.fresh())!.segments as [Index['segments'][number]]
    expect(engine.shortfall(part)).toBe('estimated')
    now += RETIRED_MS
    const work: Promise<unknown>[] = []
    await holder.fresh((promise) => work.push(promise))
    await Promise.all(work)
    expect(engine.shortfall(part)).toBeNull()
    expect(engine.vectorOf(part, 1)![0]).toBeCloseTo(10)
    // Once as a file, once for signs, once for codes; and no more.
    now += MANIFEST_CHECK_MS
    await holder.fresh((promise) => work.push(promise))
    await Promise.all(work)
    expect(r2.readsOf(next.items.key)).toBe(3)
  })
  it('many requests to a cold isolate load the index once', async () => {
    publish(1, await putSegment('a', ['lamp']))
    const holder = open()
    const all = await Promise.all(Array.from({ length: 20 }, () => holder.current()))
    expect(new Set(all).size).toBe(1)
    expect(r2.readsOf(segmentKeys('a').items)).toBe(1)
  })

  it.each([
    [
      'a manifest that is not JSON',
      () => r2.put(MANIFEST_KEY, '{"format":1,'),
      'manifest is malformed',
      'manifest-malformed',
    ],
    [
      'a manifest of another format',
      () => r2.put(MANIFEST_KEY, '{"format":9}'),
      'manifest is malformed',
      'manifest-malformed',
    ],
    [
      'a segment with a flipped bit',
      async () => {
        const ref = await putSegment('bad', ['chair'], 10)
        r2.objects.get(ref.items.key)!.bytes[40]! ^= 1
        publish(2, ref)
      },
      'not what the manifest says',
      'blob-corrupt',
    ],
    [
      'a segment that is missing',
      async () => {
        const ref = await putSegment('bad', ['chair'], 10)
        r2.objects.delete(ref.terms.key)
        publish(2, ref)
      },
      'is missing',
      'blob-missing',
    ],
    [
      'a segment whose bytes are right and whose content is not',
      async () => {
        const ref = await putSegment('bad', ['chair'], 10)
        publish(2, { ...ref, rows: 7 })
      },
      'malformed',
      'segment-corrupt',
    ],
    [
      'no manifest any more',
      () => void r2.objects.delete(MANIFEST_KEY),
      'manifest is missing',
      'manifest-missing',
    ],
    ['an R2 that is down', () => r2.fail(true), 'R2 is down', 'index-unreadable'],
  ])(
    '%s: the old index keeps serving, the fault is told and counted, and a good publish mends it',
    async (_name, damage, words, name) => {
      counted = []
      const good = await putSegment('a', ['lamp'])
      publish(1, good)
      const holder = open()
      await holder.current()
      await damage()
      now += MANIFEST_CHECK_MS
      expect((await holder.fresh())!.manifest.version).toBe(1)
      expect(holder.fault()).toContain(words)
      expect(counted).toContain(name)
      r2.fail(false)
      publish(3, good)
      now += MANIFEST_CHECK_MS
      expect((await holder.fresh())!.manifest.version).toBe(3)
      expect(holder.fault()).toBeNull()
    },
  )

  it('a publish that was damaged on the way is read again after a while', async () => {
    const ref = await putSegment('a', ['lamp'])
    const { bytes } = r2.objects.get(ref.items.key)!
    bytes[40]! ^= 1
    publish(1, ref)
    const holder = open()
    expect(await holder.current()).toBeNull()
    bytes[40]! ^= 1
    now += MANIFEST_CHECK_MS
    expect(await holder.fresh()).toBeNull()
    now += FAULT_RETRY_MS
    expect((await holder.fresh())!.liveCount).toBe(1)
  })
})
