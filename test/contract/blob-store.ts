/** @file What every blob store must do; run on the in-memory one and on R2's S3 interface. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { BlobStore } from '../../gpu-worker/blob-store.ts'

export function blobStoreContract(name: string, open: () => Promise<BlobStore>): void {
  const bytes = (...values: number[]) => Uint8Array.from(values)
  let keys = 0
  const newKey = () => `folder/key ${keys++}+ü`

  describe(`blob store: ${name}`, () => {
    let store: BlobStore
    beforeAll(async () => {
      store = await open()
    })

    it('has nothing under a new key', async () => {
      expect(await store.get(newKey())).toBeNull()
    })
    it('returns what was written, byte for byte, with the tag of the write', async () => {
      const key = newKey()
      const all = Uint8Array.from({ length: 256 }, (_, index) => index)
      const put = await store.put(key, all)
      const object = await store.get(key)
      expect(object!.bytes).toEqual(all)
      expect(put).toEqual({ ok: true, etag: object!.etag })
    })
    it('keeps an empty object', async () => {
      const key = newKey()
      await store.put(key, bytes())
      expect((await store.get(key))!.bytes).toHaveLength(0)
    })
    it('writes a new key once when asked to write only new ones', async () => {
      const key = newKey()
      expect((await store.put(key, bytes(1), { ifNoneMatch: '*' })).ok).toBe(true)
      expect(await store.put(key, bytes(2), { ifNoneMatch: '*' })).toEqual({ ok: false })
      expect((await store.get(key))!.bytes).toEqual(bytes(1))
    })
    it('writes over the version that it was told, and over no other', async () => {
      const key = newKey()
      await store.put(key, bytes(1))
      const { etag } = (await store.get(key))!
      expect((await store.put(key, bytes(2), { ifMatch: etag })).ok).toBe(true)
      expect(await store.put(key, bytes(3), { ifMatch: etag })).toEqual({ ok: false })
      expect((await store.get(key))!.bytes).toEqual(bytes(2))
    })
    it('does not write over a version of something that is not there', async () => {
      expect(await store.put(newKey(), bytes(1), { ifMatch: '"0123456789abcdef0123456789abcdef"' })).toEqual({
        ok: false,
      })
    })
    it('lets one of two writers win who start from the same version', async () => {
      const key = newKey()
      await store.put(key, bytes(0))
      const { etag } = (await store.get(key))!
      const puts = await Promise.all([1, 2, 3, 4].map((n) => store.put(key, bytes(n), { ifMatch: etag })))
      const winners = puts.flatMap(({ ok }, index) => (ok ? [index + 1] : []))
      expect(winners).toHaveLength(1)
      expect((await store.get(key))!.bytes).toEqual(bytes(winners[0]!))
    })
    it('lists the keys of a prefix, in order, and no others', async () => {
      const prefix = `list ${newKey()}/`
      expect(await store.list(prefix)).toEqual([])
      for (const name of ['b', 'a', 'c & d']) await store.put(prefix + name, bytes(1))
      await store.put(`${prefix.slice(0, -1)}x`, bytes(1))
      expect(await store.list(prefix)).toEqual(['a', 'b', 'c & d'].map((name) => prefix + name))
    })
    it('lists more keys than a page of S3 holds', async () => {
      const prefix = `${newKey()}/`
      const names = Array.from({ length: 1_005 }, (_, at) => `${prefix}${String(at).padStart(4, '0')}`)
      for (let from = 0; from < names.length; from += 50)
        await Promise.all(names.slice(from, from + 50).map((name) => store.put(name, bytes(1))))
      expect(await store.list(prefix)).toEqual(names)
    })
    it('forgets what was deleted, and bears a second deletion', async () => {
      const key = newKey()
      await store.put(key, bytes(1))
      await store.delete(key)
      await store.delete(key)
      expect(await store.get(key)).toBeNull()
    })
  })
}
