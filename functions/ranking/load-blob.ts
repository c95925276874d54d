/** @file What a manifest names, out of R2: whole, or as its bytes arrive. Nothing counts before its SHA-256 is known to be right. */
import type { Blob } from '../../shared/schema/manifest.ts'
import { verifyBlob } from '../../shared/segment/decode.ts'
import { beforeEnd } from './before-end.ts'
import type { CreateDigest } from './digest.ts'
import type { ReadBucket } from './index-holder.ts'

/** What does not come for so long is given up. */
export const STALL_MS = 15_000
/** One buffer of this size is all that a body takes on its way. */
export const PIECE_BYTES = 256 * 1024

/** What was published cannot be used: it is missing, or its bytes are wrong. Asking again soon would not help. */
export class Unusable extends Error {
  /** For the counter: "blob-corrupt". */
  readonly fault: string
  constructor(fault: string, message: string) {
    super(message)
    this.fault = fault
  }
}

const missing = ({ key }: Blob) => new Unusable('blob-missing', `${key} is missing`)
const corrupt = ({ key }: Blob) =>
  new Unusable('blob-corrupt', `${key} is not what the manifest says (size or SHA-256)`)

/** Throws when it is missing or is not what the manifest says: the reason names it. */
export async function loadBlob(bucket: ReadBucket, blob: Blob): Promise<Uint8Array> {
  const found = await bucket.get(blob.key)
  if (!found?.arrayBuffer) throw missing(blob)
  if (found.size > blob.bytes) throw corrupt(blob)
  const bytes = new Uint8Array(await found.arrayBuffer())
  if (!(await verifyBlob(bytes, blob))) throw corrupt(blob)
  return bytes
}

export type StreamDeps = {
  bucket: ReadBucket
  createDigest: CreateDigest
  /** Ends a wait. Replaced in tests. */
  timeout: (ms: number) => AbortSignal
}

/** What the work gives. Throws when it takes too long. */
export async function inTime<T>(
  timeout: StreamDeps['timeout'],
  { key }: Pick<Blob, 'key'>,
  work: Promise<T>,
): Promise<T> {
  const done = await beforeEnd(work, timeout(STALL_MS))
  if (done === 'timeout') throw new Error(`nothing of ${key} has come for ${STALL_MS} ms`)
  return done
}

/**
 * Hands on the bytes of a blob as they arrive, and then says whether they were the right ones: returns, or throws like `loadBlob`. What was
 * handed on has to be dropped then.
 *
 * @param take gets the next bytes, in a buffer that is used again; must not throw
 */
export async function streamBlob(
  { bucket, createDigest, timeout }: StreamDeps,
  blob: Blob,
  take: (piece: Uint8Array) => void,
): Promise<void> {
  const found = await inTime(timeout, blob, bucket.get(blob.key))
  if (!found?.body) throw missing(blob)
  const reader = found.body.getReader({ mode: 'byob' })
  try {
    if (found.size !== blob.bytes) throw corrupt(blob)
    const digest = createDigest()
    // Each read takes the buffer away and gives it back, whole, behind the bytes that it got.
    let buffer = new ArrayBuffer(PIECE_BYTES)
    let bytes = 0
    for (;;) {
      const read: { done: boolean; value?: Uint8Array<ArrayBuffer> | undefined } = await inTime(
        timeout,
        blob,
        reader.read(new Uint8Array(buffer)),
      )
      if (read.done || !read.value) break
      bytes += read.value.length
      if (bytes > blob.bytes) throw corrupt(blob)
      await digest.update(read.value)
      take(read.value)
      buffer = read.value.buffer
    }
    if (bytes !== blob.bytes || (await digest.hex()) !== blob.sha256) throw corrupt(blob)
  } catch (error) {
    // Nobody waits for the rest; that it may fail too is nothing new.
    reader.cancel().catch(() => {})
    throw error
  }
}
