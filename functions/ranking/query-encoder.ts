/**
 * @file Queries as vectors, by the query encoder that the manifest names. Vectors of recent queries are kept; how the model is
 * loaded is in `model-holder.ts`.
 */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import type { ModelRef } from '../../shared/schema/manifest.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import type { ReadBucket } from './index-holder.ts'
import { createModelHolder, loadModelBlob, type ModelFault } from './model-holder.ts'
import type { CreateSession } from './ort-session.ts'
import type { WaitUntil } from './wait-until.ts'

export const QUERY_TOKENS_MAX = 32
/** 256 f32 components each: 4 MB. What shoppers ask is mostly asked again, and encoding costs more than the search itself. */
export const QUERY_VECTORS_MAX = 4_000

export type EncodeOptions = {
  /** True waits for the model to load (an explicit `mode=vector`); false answers `loading` meanwhile. */
  wait: boolean
  waitUntil: WaitUntil
}
export type QueryEncoder = {
  /** @returns f32[dim], length 1 */
  encode(model: ModelRef, text: string, options: EncodeOptions): Promise<Result<Float32Array, ModelFault>>
}

export type QueryEncoderDeps = { bucket: ReadBucket; clock: () => number; createSession: CreateSession }

export function createQueryEncoder({ bucket, clock, createSession }: QueryEncoderDeps): QueryEncoder {
  const vectors = createLru<Float32Array>(QUERY_VECTORS_MAX)
  const models = createModelHolder({ keyOf: ({ id }: ModelRef) => id, load, clock })

  /** ONNX: int64 ids[1,S], f32 mask[1,S] → f32 emb[1,dim]. */
  async function load(model: ModelRef) {
    const [onnx, vocabulary] = await Promise.all([
      loadModelBlob(bucket, model.queryEncoder),
      loadModelBlob(bucket, model.vocabulary),
    ])
    const session = await createSession(onnx)
    const wordPiece = createWordPiece({
      vocabulary: new TextDecoder().decode(vocabulary).replace(/\n$/, '').split('\n'),
      lowercase: model.lowercase,
    })
    const tokensMax = Math.min(QUERY_TOKENS_MAX, model.maxTokens)
    return {
      async encode(text: string): Promise<Float32Array> {
        const ids = wordPiece.encode(text, tokensMax)
        const shape = [1, ids.length]
        const { emb } = await session.run({
          ids: { data: BigInt64Array.from(ids, BigInt), shape },
          mask: { data: new Float32Array(ids.length).fill(1), shape },
        })
        return emb!
      },
      release: () => session.release(),
    }
  }

  return {
    async encode(model, text, { wait, waitUntil }) {
      const key = `${model.id}\n${text}`
      const known = vectors.get(key)
      if (known) return ok(known)
      const loaded = wait ? await models.wait(model, waitUntil) : models.get(model, waitUntil)
      if (!loaded.ok) return loaded
      try {
        const vector = await loaded.value.encode(text)
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
