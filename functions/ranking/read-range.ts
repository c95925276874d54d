/** @file Ranges of immutable objects in R2, through the cache of the data centre: the same lists are near to many queries. */
import type { ReadRange } from './ivf.ts'

/** Keys are named by their content: what is cached never goes out of date. */
const CACHE_SECONDS = 7 * 86_400

type Deps = {
  bucket: Pick<R2Bucket, 'get'>
  cache: Pick<Cache, 'match' | 'put'>
  waitUntil?: (work: Promise<unknown>) => void
}

export const createReadRange =
  ({ bucket, cache, waitUntil = () => {} }: Deps): ReadRange =>
  async (key, { offset, length }) => {
    // The cache wants an address; nothing is ever fetched from it.
    const address = `https://lists.invalid/${encodeURIComponent(key)}?offset=${offset}&length=${length}`
    const cached = await cache.match(address)
    if (cached) return new Uint8Array(await cached.arrayBuffer())
    const object = await bucket.get(key, { range: { offset, length } })
    if (!object) return null
    const bytes = new Uint8Array(await object.arrayBuffer())
    // A short range is the fault of the moment, and not to be remembered.
    if (bytes.length === length) {
      const headers = { 'cache-control': `public, max-age=${CACHE_SECONDS}` }
      waitUntil(cache.put(address, new Response(bytes, { headers })))
    }
    return bytes
  }
