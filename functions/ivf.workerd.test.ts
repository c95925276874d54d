/** @file Ranges of a real R2 object through a real cache. */
import { beforeAll, expect, it } from 'vitest'
import { env } from '../test/fixtures/edge.ts'
import { createReadRange } from './ranking/read-range.ts'

const BYTES = Uint8Array.from({ length: 1_000 }, (_, at) => at % 251)
const { default: cache } = caches as unknown as { default: Cache }
const work: Promise<unknown>[] = []
let reads = 0
const bucket = {
  get(...args: Parameters<R2Bucket['get']>) {
    reads++
    return env.BUCKET.get(...args)
  },
} as R2Bucket
const read = createReadRange({ bucket, cache, waitUntil: (one) => work.push(one) })

beforeAll(() => env.BUCKET.put('ivf/x/lists.ivf', BYTES))

it('reads a range from the bucket once, then from the cache', async () => {
  const range = { offset: 300, length: 200 }
  const first = await read('ivf/x/lists.ivf', range)
  await Promise.all(work)
  expect(first).toEqual(BYTES.subarray(300, 500))
  expect(await read('ivf/x/lists.ivf', range)).toEqual(first)
  expect(reads).toBe(1)
})
it('gives what is there of a range that reaches beyond the end, and does not keep it', async () => {
  const range = { offset: 900, length: 200 }
  expect(await read('ivf/x/lists.ivf', range)).toHaveLength(100)
  await Promise.all(work)
  const before = reads
  await read('ivf/x/lists.ivf', range)
  expect(reads).toBe(before + 1)
})
it('a range that begins beyond the end rejects, and an object that is not there is null', async () => {
  await expect(read('ivf/x/lists.ivf', { offset: 2_000, length: 4 })).rejects.toThrow()
  expect(await read('ivf/none', { offset: 0, length: 4 })).toBeNull()
})
