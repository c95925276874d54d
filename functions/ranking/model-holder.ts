/**
 * @file Models that the edge runs, query encoder and ranker: each is loaded when a request first wants it, beside that request
 * and never in its way, and let go when a newer one has taken its place.
 */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import type { Blob } from '../../shared/schema/manifest.ts'
import type { ReadBucket } from './index-holder.ts'
import { loadBlob } from './load-blob.ts'
import type { WaitUntil } from './wait-until.ts'

/** A model that could not be loaded is tried again after this time. */
export const LOAD_RETRY_MS = 30_000
/** A loading that takes longer belongs to a request that the platform has cut off; another may start. */
export const LOAD_STUCK_MS = 60_000
/** The model in use and, while a new manifest takes over, the one before. */
const MODELS_MAX = 2
/** An isolate has 128 MB for everything. */
export const MODEL_BYTES_MAX = 16 * 2 ** 20

export type ModelFault = { kind: 'loading' } | { kind: 'failed'; reason: string }
export type ModelHolder<Ref, M> = {
  /** The model when it is there. When not, its loading begins or goes on, and the caller does without. */
  get(ref: Ref, waitUntil: WaitUntil): Result<M, ModelFault>
  /** The same after its loading has ended. */
  wait(ref: Ref, waitUntil: WaitUntil): Promise<Result<M, ModelFault>>
}

type Slot<M> = { startedMs: number; loading: Promise<void>; result: Result<M, ModelFault> }
type Deps<Ref, M> = {
  /** Equal for references to the same model. */
  keyOf(ref: Ref): string
  /** Throws when the model cannot be used. */
  load(ref: Ref): Promise<M>
  /** Unix milliseconds. */
  clock: () => number
}

export function createModelHolder<Ref, M extends { release(): Promise<void> }>({
  keyOf,
  load,
  clock,
}: Deps<Ref, M>): ModelHolder<Ref, M> {
  const slots = new Map<string, Slot<M>>()

  function slotOf(ref: Ref, waitUntil: WaitUntil): Slot<M> {
    const key = keyOf(ref)
    const held = slots.get(key)
    if (held && !isAbandoned(held)) return held
    const slot: Slot<M> = { startedMs: clock(), loading: Promise.resolve(), result: err({ kind: 'loading' }) }
    slot.loading = load(ref).then(
      (model) => {
        slot.result = ok(model)
      },
      (error) => {
        slot.result = err({ kind: 'failed', reason: String(error) })
      },
    )
    waitUntil(slot.loading)
    slots.delete(key) // so that it stands at the end, behind what is older
    slots.set(key, slot)
    for (const [oldKey, old] of slots) {
      if (slots.size <= MODELS_MAX) break
      slots.delete(oldKey)
      waitUntil(old.loading.then(() => (old.result.ok ? old.result.value.release() : undefined)))
    }
    return slot
  }

  /** Failed a while ago, or its request was cut off while it loaded: worth another try. */
  function isAbandoned({ result, startedMs }: Slot<M>): boolean {
    if (result.ok) return false
    return clock() - startedMs > (result.error.kind === 'loading' ? LOAD_STUCK_MS : LOAD_RETRY_MS)
  }

  return {
    get: (ref, waitUntil) => slotOf(ref, waitUntil).result,
    async wait(ref, waitUntil) {
      const slot = slotOf(ref, waitUntil)
      await slot.loading
      return slot.result
    },
  }
}

/** Throws when the blob is missing, too large, or not what the manifest says. */
export async function loadModelBlob(bucket: ReadBucket, blob: Blob): Promise<Uint8Array> {
  if (blob.bytes > MODEL_BYTES_MAX) throw new Error(`${blob.key} has more than ${MODEL_BYTES_MAX} bytes`)
  return loadBlob(bucket, blob)
}
