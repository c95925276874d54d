/** @file Segments on their way from R2 into memory: what they take there, and what becomes of bad, slow and stalled bodies. */
import { beforeAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import type { SegmentRef } from '../../shared/schema/manifest.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import type { VectorPart } from '../../shared/vector/engine.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { createNodeDigest } from '../../test/fixtures/node-digest.ts'
import { objectOf } from '../../test/fixtures/r2-object.ts'
import { makeVectors } from '../../test/fixtures/vectors.ts'
import type { ReadBucket } from './index-holder.ts'
import { PIECE_BYTES, Unusable } from './load-blob.ts'
import { createSegmentLoader } from './load-segment.ts'

const ROWS = 20_000
const DIM = 256
const VECTOR_BYTES = ROWS * DIM
const kernels = loadKernels()
const never = () => new AbortController().signal
const vectors = makeVectors('random', 64, DIM, 1)
let files: { items: Uint8Array; terms: Uint8Array }
let ref: SegmentRef

beforeAll(async () => {
  const rows = Array.from({ length: ROWS }, (_, at) => ({
    ...{ number: at + 1, version: 1, live: true, contentHash: '', id: `i${at}`, title: 'lamp', brand: '' },
    ...{ category: [], price: null, currency: null, stock: null, image: '', url: '', length: 2 },
    vector: {
      codes: vectors.codes.subarray((at % 64) * DIM, ((at % 64) + 1) * DIM),
      scale: vectors.scales[at % 64]!,
    },
  }))
  files = encodeSegment({ dim: DIM, rows, postings: new Map() })
  const blob = async (key: string, bytes: Uint8Array) => ({
    ...{ key, bytes: bytes.length, sha256: await sha256Hex(bytes) },
  })
  ref = {
    ...{ id: 's', rows: ROWS },
    items: await blob('items', files.items),
    terms: await blob('terms', files.terms),
  }
})

/** What R2 gives for a key; `ranges` are those that were asked for. */
function bucketOf(change: { items?: Uint8Array; body?: () => ReadableStream; shortBy?: number } = {}) {
  const ranges: { offset: number; length: number }[] = []
  const bucket: ReadBucket = {
    async get(key, { range } = {}) {
      if (range) ranges.push(range)
      if (key === 'terms') return objectOf(files.terms, 'e')
      const { items = files.items, body, shortBy = 0 } = change
      const found = objectOf(items, 'e', range && { ...range, length: range.length - shortBy })
      return body ? { ...found, size: files.items.length, body: body() } : found
    },
  }
  return { bucket, ranges }
}
function open(bucket: ReadBucket, { bytesMax = 90e6, timeout = never } = {}) {
  const engine = createWasmEngine(kernels, { bytesMax, signsFromBytes: 1 })
  const counted: string[] = []
  const loader = createSegmentLoader({
    ...{ bucket, engine, timeout, createDigest: createNodeDigest },
    countFault: (name) => counted.push(name),
  })
  const placed = new Set<VectorPart>()
  return { engine, counted, loader, placed, load: () => loader.load(ref, { hasVectors: true, placed }) }
}
/** Bytes written where the reader wants them, as R2 does: the body itself takes no memory. */
const streamOf = (bytes: Uint8Array, onPiece = () => {}): ReadableStream => {
  let from = 0
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const request = controller.byobRequest!
      const target = request.view as Uint8Array
      const piece = bytes.subarray(from, from + target.byteLength)
      if (piece.length === 0) controller.close()
      else new Uint8Array(target.buffer, target.byteOffset).set(piece)
      from += piece.length
      request.respond(piece.length)
      onPiece()
    },
  })
}

describe('a segment that is read', () => {
  it('has its vectors in WebAssembly memory and nowhere else, at no time', async () => {
    let peakBytes = 0
    const measure = () => {
      peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers)
    }
    const get: ReadBucket['get'] = async (key) =>
      key === 'terms'
        ? objectOf(files.terms, 'e')
        : { etag: 'e', size: files.items.length, body: streamOf(files.items, measure) }
    const { engine, load } = open({ get })
    const before = process.memoryUsage().arrayBuffers
    const { segment, part } = await load()
    measure()
    const otherBytes = files.items.length - VECTOR_BYTES + files.terms.length
    expect(segment.bytes).toBeLessThan(otherBytes + 64)
    // Columns twice while their buffer grows, the piece on its way, and the rows that a mean is taken of.
    expect(peakBytes - before).toBeLessThan(2 * otherBytes + 4 * PIECE_BYTES)
    const arrays = 10 * ROWS
    expect(engine.state().residentBytes).toBeLessThan(1.01 * (VECTOR_BYTES * (1 + 1 / 8) + arrays) + 65_536)
    expect([...engine.vectorOf(part, 65)!]).toEqual([...engine.vectorOf(part, 1)!])
  })

  it.each([
    ['is cut off', () => files.items.slice(0, -1), 'blob-corrupt'],
    ['is cut off in its vectors', () => files.items.slice(0, -VECTOR_BYTES / 2), 'blob-corrupt'],
    ['goes on', () => longer(), 'blob-corrupt'],
    [
      'has a bit turned over in its vectors',
      () => flipped(files.items.length - VECTOR_BYTES / 2),
      'blob-corrupt',
    ],
    ['has a bit turned over in its metadata', () => flipped(40), 'blob-corrupt'],
    ['is nothing at all', () => new Uint8Array(), 'blob-corrupt'],
  ])('and %s, is refused, and takes no room', async (_, damaged, fault) => {
    const items = damaged()
    for (const change of [{ items }, { body: () => streamOf(items) }]) {
      const { engine, placed, load } = open(bucketOf(change).bucket)
      await expect(load()).rejects.toThrow(Unusable)
      await expect(load()).rejects.toMatchObject({ fault })
      for (const part of placed) engine.release(part)
      expect(engine.state()).toMatchObject({ usedBytes: 0, estimatedRows: 0, missingRows: 0 })
    }
  })
  it('is no segment where the bytes are those that were published, and make none', async () => {
    const { load } = open(bucketOf().bucket)
    ref = { ...ref, rows: ROWS + 1 }
    await expect(load()).rejects.toMatchObject({ fault: 'segment-corrupt' })
    ref = { ...ref, rows: 2 ** 32 }
    await expect(load()).rejects.toMatchObject({ fault: 'segment-corrupt' })
    ref = { ...ref, rows: ROWS }
  })
  it('and of which nothing more comes, is given up', async () => {
    const waits: AbortController[] = []
    const timeout = () => {
      const wait = new AbortController()
      waits.push(wait)
      return wait.signal
    }
    let cancelled = false
    const stalled = () =>
      new ReadableStream({
        type: 'bytes',
        start: (controller) => controller.enqueue(files.items.slice(0, 300_000)),
        cancel() {
          cancelled = true
        },
      })
    const { load } = open(bucketOf({ body: stalled }).bucket, { timeout })
    const loading = load()
    loading.catch(() => {})
    const isWaiting = () => waits.length >= 4
    while (!isWaiting()) await new Promise(setImmediate)
    waits.at(-1)!.abort()
    await expect(loading).rejects.toThrow('nothing of items has come')
    expect(cancelled).toBe(true)
  })
})

describe('vectors that do not fit', () => {
  const TIGHT = { bytesMax: 10 * ROWS + VECTOR_BYTES / 8 + 1_000 }
  it('are read once more, by slices, for their signs; and again for codes when there is room', async () => {
    const { bucket, ranges } = bucketOf()
    const { engine, loader, load } = open(bucket, TIGHT)
    const loaded = await load()
    expect(engine.shortfall(loaded.part)).toBe('estimated')
    expect(ranges.map(({ length }) => length / DIM)).toEqual([8_192, 8_192, ROWS - 2 * 8_192])
    await loader.regain([loaded])
    expect(ranges).toHaveLength(3)
    engine.limit(90e6)
    await loader.regain([loaded])
    expect(ranges).toHaveLength(6)
    expect(engine.shortfall(loaded.part)).toBeNull()
    const whole = open(bucketOf().bucket)
    const { part } = await whole.load()
    for (const row of [0, 8_191, 8_192, ROWS - 1])
      expect(engine.vectorOf(loaded.part, row)).toEqual(whole.engine.vectorOf(part, row))
    await loader.regain([loaded])
    expect(ranges).toHaveLength(6)
  })
  it('stay estimates where R2 gives a short range, and the fault is counted', async () => {
    const change = { shortBy: 0, items: files.items }
    const { engine, loader, load, counted } = open(bucketOf(change).bucket, TIGHT)
    const loaded = await load()
    engine.limit(90e6)
    change.shortBy = 1
    await loader.regain([loaded])
    expect(counted).toEqual(['vectors-short-range'])
    expect(engine.shortfall(loaded.part)).toBe('estimated')
    change.shortBy = 0
    change.items = flipped(loaded.segment.vectorOffset + 5, 128)
    await loader.regain([loaded])
    expect(counted).toEqual(['vectors-short-range', 'vectors-corrupt'])
    change.items = files.items
    await loader.regain([loaded])
    expect(engine.shortfall(loaded.part)).toBeNull()
  })
})

const flipped = (at: number, bit = 1) => files.items.with(at, files.items[at]! ^ bit)
function longer(): Uint8Array {
  const bytes = new Uint8Array(files.items.length + 1)
  bytes.set(files.items)
  return bytes
}
