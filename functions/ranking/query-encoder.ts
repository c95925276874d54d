/**
 * @file Queries as vectors, by the query encoder that the manifest names. The model is loaded when a query first wants
 * it, beside the request and never in its way; vectors of recent queries are kept.
 */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import type { ModelRef } from '../../shared/schema/manifest.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import type { ReadBucket } from './index-holder.ts'
import { loadBlob } from './load-blob.ts'
import type { EncoderSession } from './ort-session.ts'
import type { WaitUntil } from './wait-until.ts'

export const QUERY_TOKENS_MAX = 32
/** 256 f32 components each: 0.5 MB. */
export const QUERY_VECTORS_MAX = 500
/** The model in use and, while a new manifest takes over, the one before. */
const MODELS_MAX = 2
const LOAD_RETRY_MS = 30_000
const LOAD_STUCK_MS = 60_000

export type EncodeFault = { kind: 'loading' } | { kind: 'failed'; reason: string }
export type EncodeOptions = {
  /** True waits for the model to load (an explicit `mode=vector`); false answers `loading` meanwhile. */
  wait: boolean
  waitUntil: WaitUntil
}
export type QueryEncoder = {
  /** @returns f32[dim], length 1 */
  encode(model: ModelRef, text: string, options: EncodeOptions): Promise<Result<Float32Array, EncodeFault>>
}

type Encoder = { encode(text: string): Promise<Float32Array>; release(): Promise<void> }
type Slot = { startedMs: number; loading: Promise<void>; encoder: Encoder | null; fault: string | null }

export type QueryEncoderDeps = {
  bucket: ReadBucket
  /** Unix milliseconds. */
  clock: () => number
  /** Replaced in tests. */
  createSession?: (model: Uint8Array) => Promise<EncoderSession>
}

export function createQueryEncoder({ bucket, clock, createSession }: QueryEncoderDeps): QueryEncoder {
  const slots = new Map<string, Slot>()
  const vectors = createLru<Float32Array>(QUERY_VECTORS_MAX)

  async function load(model: ModelRef): Promise<Encoder> {
    const [onnx, vocabulary] = await Promise.all([
      loadBlob(bucket, model.queryEncoder),
      loadBlob(bucket, model.vocabulary),
    ])
    const create = createSession ?? (await import('./ort-session.ts')).createEncoderSession
    const session = await create(onnx)
    const wordPiece = createWordPiece({
      vocabulary: new TextDecoder().decode(vocabulary).replace(/\n$/, '').split('\n'),
      lowercase: model.lowercase,
    })
    const tokensMax = Math.min(QUERY_TOKENS_MAX, model.maxTokens)
    return {
      encode: (text) => session.run(wordPiece.encode(text, tokensMax)),
      release: () => session.release(),
    }
  }

  function slotOf(model: ModelRef, waitUntil: WaitUntil): Slot {
    const held = slots.get(model.id)
    if (held && !isAbandoned(held)) return held
    const slot: Slot = { startedMs: clock(), loading: Promise.resolve(), encoder: null, fault: null }
    slot.loading = load(model).then(
      (encoder) => {
        slot.encoder = encoder
      },
      (error) => {
        slot.fault = String(error)
      },
    )
    waitUntil(slot.loading)
    slots.set(model.id, slot)
    for (const [id, old] of slots) {
      if (slots.size <= MODELS_MAX) break
      slots.delete(id)
      waitUntil(old.loading.then(() => old.encoder?.release()))
    }
    return slot
  }

  /** Failed a while ago, or its request was cut off while it loaded: worth another try. */
  const isAbandoned = (slot: Slot) =>
    slot.encoder === null && clock() - slot.startedMs > (slot.fault === null ? LOAD_STUCK_MS : LOAD_RETRY_MS)

  return {
    async encode(model, text, { wait, waitUntil }) {
      const key = `${model.id}\n${text}`
      const known = vectors.get(key)
      if (known) return ok(known)
      const slot = slotOf(model, waitUntil)
      if (wait) await slot.loading
      if (slot.fault !== null) return err({ kind: 'failed', reason: slot.fault })
      if (slot.encoder === null) return err({ kind: 'loading' })
      try {
        const vector = await slot.encoder.encode(text)
        vectors.set(key, vector)
        return ok(vector)
      } catch (error) {
        return err({ kind: 'failed', reason: String(error) })
      }
    },
  }
}

/** Least recently used: a Map keeps insertion order, so that reading moves an entry to the end. */
export function createLru<V>(entriesMax: number) {
  const entries = new Map<string, V>()
  return {
    get(key: string): V | undefined {
      const value = entries.get(key)
      if (value !== undefined) {
        entries.delete(key)
        entries.set(key, value)
      }
      return value
    },
    set(key: string, value: V): void {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size > entriesMax) entries.delete(entries.keys().next().value!)
    },
  }
}
