/** A bucket of immutable objects and one mutable manifest. Errors of transport throw; the caller's job is then retried. */
export type BlobStore = {
  get(key: string): Promise<{ bytes: Uint8Array; etag: string } | null>
  /** `ifMatch` and `ifNoneMatch: '*'` make the write conditional; a lost race is `{ ok: false }`, not an error. */
  put(
    key: string,
    bytes: Uint8Array,
    condition?: PutCondition,
  ): Promise<{ ok: true; etag: string } | { ok: false }>
  delete(key: string): Promise<void>
  /** Every key that starts with `prefix`, in order. */
  list(prefix: string): Promise<string[]>
}
export type PutCondition = { ifMatch?: string; ifNoneMatch?: '*' }
