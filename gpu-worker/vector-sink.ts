/**
 * @file Item vectors on their way to Cloudflare Vectorize, over its REST API. Every write is keyed by item version: a repeat changes
 * nothing, and what a search must not show any more is decided by the index, not by a deletion here.
 * Source: Cloudflare API, accounts/{a}/vectorize/v2/indexes/{i}/{upsert,delete_by_ids}.
 */
import { assert } from '../shared/lib/result.ts'
import { dequantise, type QuantisedVector } from '../shared/vector/quantise.ts'
import { VECTORIZE_LIMITS, vectorizeId } from '../shared/vector/vectorize.ts'

export type ItemVersion = { number: number; version: number }
export type ItemVector = ItemVersion & { vector: QuantisedVector }
export type VectorSink = {
  /** Before the index shows them. Rejects when they could not be written: then nothing is published. */
  upsert(modelId: string, items: readonly ItemVector[]): Promise<void>
  /** After the index has others in their place. */
  remove(items: readonly ItemVersion[]): Promise<void>
}

/** A shop without Vectorize. */
export const NO_SINK: VectorSink = { upsert: async () => {}, remove: async () => {} }

const REQUEST_TIMEOUT_MS = 60_000
/** Our own bound: the documentation names none. */
const REMOVED_AT_ONCE = 1_000
/** Digits of a component beyond those that 7 bits have would only be sent. */
const DIGITS = 4

export type VectorizeOptions = { apiUrl: string; account: string; index: string; token: string }

export function createVectorizeSink({ apiUrl, account, index, token }: VectorizeOptions): VectorSink {
  const post = async (action: string, contentType: string, body: string): Promise<void> => {
    const reply = await fetch(`${apiUrl}/accounts/${account}/vectorize/v2/indexes/${index}/${action}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
      body,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    if (!reply.ok)
      throw new Error(
        `Vectorize answered ${reply.status} to ${action}: ${(await reply.text()).slice(0, 200)}`,
      )
    await reply.body?.cancel()
  }
  return {
    async upsert(namespace, items) {
      assert(namespace.length <= VECTORIZE_LIMITS.namespaceBytes, 'a model id is a namespace')
      for (const batch of inBatches(items, VECTORIZE_LIMITS.upsertVectors)) {
        const lines = batch.map(({ number, version, vector: { codes, scale } }) => {
          const values = Array.from(dequantise(codes, 0, codes.length, scale), (x) =>
            Number(x.toFixed(DIGITS)),
          )
          return `${JSON.stringify({ id: vectorizeId(number, version), values, namespace })}\n`
        })
        await post('upsert', 'application/x-ndjson', lines.join(''))
      }
    },
    async remove(items) {
      for (const batch of inBatches(items, REMOVED_AT_ONCE)) {
        const ids = batch.map(({ number, version }) => vectorizeId(number, version))
        await post('delete_by_ids', 'application/json', JSON.stringify({ ids }))
      }
    },
  }
}

function* inBatches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}
