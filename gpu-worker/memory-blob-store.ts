/** @file The bucket in memory: the twin of `s3-blob-store.ts` for tests; `test/contract/blob-store.ts` runs on both. */
import type { BlobStore } from './blob-store.ts'

export function createMemoryBlobStore(): BlobStore & {
  readonly objects: Map<string, { bytes: Uint8Array; etag: string }>
} {
  const objects = new Map<string, { bytes: Uint8Array; etag: string }>()
  let writes = 0
  return {
    objects,
    async get(key) {
      const object = objects.get(key)
      return object ? { bytes: object.bytes.slice(), etag: object.etag } : null
    },
    async put(key, bytes, condition = {}) {
      const current = objects.get(key)
      if (condition.ifNoneMatch === '*' && current) return { ok: false }
      if (condition.ifMatch !== undefined && current?.etag !== condition.ifMatch) return { ok: false }
      const etag = `"${++writes}"`
      objects.set(key, { bytes: bytes.slice(), etag })
      return { ok: true, etag }
    },
    async delete(key) {
      objects.delete(key)
    },
    async list(prefix) {
      return [...objects.keys()].filter((key) => key.startsWith(prefix)).sort()
    },
  }
}
