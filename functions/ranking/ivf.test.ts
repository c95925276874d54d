/** @file Reading inverted lists by ranges, and what becomes of a search when some of them cannot be read. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import type { IvfRef } from '../../shared/schema/manifest.ts'
import { encodeIvf } from '../../shared/vector/ivf.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import { bucketOf } from '../../test/fixtures/divided-index.ts'
import { createIvfReader, type ReadRange } from './ivf.ts'
import { createReadRange } from './read-range.ts'

const DIM = 4
const QUERY = Float32Array.of(1, 0, 0, 0)
const never = () => new AbortController().signal

let ref: IvfRef
let objects: Map<string, Uint8Array>
beforeEach(async () => {
  const random = createRandom(5)
  const vectors = Array.from({ length: 40 }, () => {
    const raw = Float32Array.from({ length: DIM }, () => gaussian(random))
    return quantiseItem(raw.map((x) => x / Math.hypot(...raw)))
  })
  const files = encodeIvf(
    DIM,
    vectors.slice(0, 4),
    Uint32Array.from(vectors, (_, at) => at % 4),
    (at) => ({ number: at + 1, version: 1, vector: vectors[at]! }),
  )
  objects = new Map([
    ['head', files.head],
    ['lists', files.lists],
  ])
  const blob = async (key: string) => {
    const bytes = objects.get(key)!
    return { key, bytes: bytes.length, sha256: await sha256Hex(bytes) }
  }
  ref = { modelId: 'm1', head: await blob('head'), lists: await blob('lists'), segments: ['s'] }
})

const ranges: ReadRange = async (key, { offset, length }) =>
  objects.get(key)?.slice(offset, offset + length) ?? null
const open = (
  readRange: ReadRange = ranges,
  timeout: () => AbortSignal = never,
  countFault: (name: string) => void = () => {},
) => createIvfReader({ bucket: bucketOf(objects), readRange, timeout, countFault })(ref)

describe('inverted lists in a bucket', () => {
  it('name the nearest item versions, best first', async () => {
    const { items, fault } = await open().nearest('m1', QUERY)
    expect(fault).toBeNull()
    expect(items).toHaveLength(40)
    const cosines = items.map(({ cosine }) => cosine)
    expect(cosines).toEqual(cosines.toSorted((a, b) => b - a))
  })
  it('read the head once', async () => {
    let reads = 0
    const bucket = bucketOf(objects)
    const reader = createIvfReader({
      bucket: {
        get(key) {
          reads++
          return bucket.get(key)
        },
      },
      readRange: ranges,
      timeout: never,
    })
    for (let call = 0; call < 3; call++) await reader(ref).nearest('m1', QUERY)
    expect(reads).toBe(1)
  })
  it.each<[string, ReadRange, string]>([
    ['gives a short range', async (key, range) => (await ranges(key, range))!.subarray(4), 'short-range'],
    [
      'gives flipped bits',
      async (key, range) => (await ranges(key, range))!.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
      'corrupt',
    ],
    ['has lost the file', async () => null, 'missing'],
    ['does not answer', () => Promise.reject(new Error('R2 is down')), 'unreadable'],
  ])(
    'a bucket that once %s: the other lists answer, and the fault is told and counted',
    async (_, bad, name) => {
      let calls = 0
      const counted: string[] = []
      const once: ReadRange = (key, range) => (calls++ === 0 ? bad : ranges)(key, range)
      const reader = open(once, never, (one) => counted.push(one))
      const { items, fault } = await reader.nearest('m1', QUERY)
      expect(fault).toBe('failed')
      expect(counted).toEqual([`ivf-list-${name}`])
      expect(items).toHaveLength(30)
    },
  )
  it('what hangs is not waited for', async () => {
    const wait = new AbortController()
    let calls = 0
    const found = open(
      (key, range) => {
        if (calls++ < 3) return ranges(key, range)
        // The others have been read when time is over.
        setImmediate(() => wait.abort())
        return new Promise(() => {})
      },
      () => wait.signal,
    ).nearest('m1', QUERY)
    expect(await found).toMatchObject({ fault: 'timeout' })
    expect((await found).items).toHaveLength(30)
  })
  it.each([
    ['is damaged', () => void objects.set('head', objects.get('head')!.with(30, 99))],
    ['is missing', () => void objects.delete('head')],
    ['is cut short', () => void objects.set('head', objects.get('head')!.subarray(0, 50))],
  ])('a head that %s is a fault, and is read again later', async (_, damage) => {
    const good = objects.get('head')!.slice()
    damage()
    const vectors = open()
    expect(await vectors.nearest('m1', QUERY)).toEqual({ items: [], fault: 'failed' })
    objects.set('head', good)
    expect((await vectors.nearest('m1', QUERY)).fault).toBeNull()
  })
  it('a query of another model or dimension gets nothing', async () => {
    expect(await open().nearest('m2', QUERY)).toEqual({ items: [], fault: 'failed' })
    expect(await open().nearest('m1', new Float32Array(8))).toEqual({ items: [], fault: 'failed' })
  })
})

describe('the cache of ranges', () => {
  it('keeps a whole range, and never a short one', async () => {
    const kept = new Map<string, Response>()
    const bytes = Uint8Array.from({ length: 10 }, (_, at) => at)
    let reads = 0
    let short = true
    const read = createReadRange({
      bucket: {
        async get(_key: string, { range }: { range: { offset: number; length: number } }) {
          reads++
          const part = bytes.slice(range.offset, range.offset + range.length - (short ? 1 : 0))
          return { arrayBuffer: async () => part.buffer }
        },
      } as never,
      cache: {
        match: async (address: string) => kept.get(address)?.clone(),
        put: async (address: string, reply: Response) => void kept.set(address, reply),
      } as never,
    })
    expect(await read('k', { offset: 2, length: 4 })).toHaveLength(3)
    short = false
    for (let call = 0; call < 3; call++)
      expect([...(await read('k', { offset: 2, length: 4 }))!]).toEqual([2, 3, 4, 5])
    expect(reads).toBe(2)
  })
})
