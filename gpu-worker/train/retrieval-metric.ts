/** @file How well a model finds documents for queries by its vectors alone: the number that training is steered by. */
import { createEncoder } from '../encode/encoder.ts'
import type { Checkpoint } from '../model/checkpoint.ts'

export type RetrievalProbe = {
  queries: readonly string[]
  documents: readonly string[]
  /** Quality of one query's answer, e.g. nDCG@10; `ranking` holds places in `documents`, best first. */
  score(query: number, ranking: readonly number[]): number
}

const DEPTH = 100
const TOKENS_MAX = { query: 16, document: 64 }

/** Unit vectors of texts by fp32 weights, f32[texts][hidden]. */
export async function encodeTexts(
  model: Checkpoint,
  texts: readonly string[],
  { threads, maxTokens = TOKENS_MAX.document }: { threads: number; maxTokens?: number },
): Promise<Float32Array[]> {
  const encoder = await createEncoder({ checkpoint: model, precision: 'fp32', maxTokens, threads })
  try {
    return await encoder.encode(texts)
  } finally {
    await encoder.close()
  }
}

/** Mean score over the queries. */
export async function measureRetrieval(
  model: Checkpoint,
  { queries, documents, score }: RetrievalProbe,
  threads: number,
): Promise<number> {
  const documentVectors = await encodeTexts(model, documents, { threads })
  const queryVectors = await encodeTexts(model, queries, { threads, maxTokens: TOKENS_MAX.query })
  let sum = 0
  queryVectors.forEach((query, at) => {
    sum += score(at, nearest(query, documentVectors, DEPTH))
  })
  return sum / queries.length
}

/** Places of the `count` vectors with the largest inner product, best first; ties by place. */
export function nearest(query: Float32Array, vectors: readonly Float32Array[], count: number): number[] {
  const scores = Float32Array.from(vectors, (vector) => {
    let dot = 0
    for (let i = 0; i < query.length; i++) dot += query[i]! * vector[i]!
    return dot
  })
  const cut = scores.toSorted().at(-Math.min(count, scores.length))!
  return Array.from(scores.keys())
    .filter((place) => scores[place]! >= cut)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count)
}
