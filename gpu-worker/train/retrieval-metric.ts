/** @file How well a model finds documents for queries by its vectors alone: the number that training is steered by. */
import { createEncoder, precisionFor } from '../encode/encoder.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import type { Computing } from '../runtime/session.ts'
import { findNearest } from './nearest.ts'

export type RetrievalProbe = {
  queries: readonly string[]
  documents: readonly string[]
  /** Quality of one query's answer, e.g. nDCG@10; `ranking` holds places in `documents`, best first. */
  score(query: number, ranking: readonly number[]): number
}

/** What a metric says of a model. */
export type Measured = { value: number; samples?: Sample[] }
/** One query with what the model finds for it, for a person to look at. */
export type Sample = {
  query: string
  /** Quality of the whole answer. */
  score: number
  /** Best first; none is the query itself. */
  documents: { text: string; isRelevant: boolean }[]
}

const DEPTH = 100
const SAMPLES = { queries: 5, documents: 3, chars: 80 }
const TOKENS_MAX = { query: 16, document: 64 }

/**
 * Unit vectors of texts by the weights as they are on a CPU, and by what suits a card on one, f32[texts][hidden].
 *
 * @param maxTokens the rest of a text is cut off; never more than the model has positions
 */
export async function encodeTexts(
  model: Checkpoint,
  texts: readonly string[],
  { threads, provider = 'cpu' }: Computing,
  maxTokens: number = TOKENS_MAX.document,
): Promise<Float32Array[]> {
  const encoder = await createEncoder({
    checkpoint: model,
    precision: provider === 'cpu' ? 'fp32' : precisionFor(provider),
    maxTokens: Math.min(maxTokens, model.config.max_position_embeddings),
    ...{ threads, provider },
  })
  try {
    return await encoder.encode(texts)
  } finally {
    await encoder.close()
  }
}

/** Mean score over the queries, and the first few with what was found, the same ones at each measurement. */
export async function measureRetrieval(
  model: Checkpoint,
  probe: RetrievalProbe,
  computing: Computing,
): Promise<Measured> {
  const { queries, documents, score } = probe
  const documentVectors = await encodeTexts(model, documents, computing)
  const queryVectors = await encodeTexts(model, queries, computing, TOKENS_MAX.query)
  let sum = 0
  const samples: Sample[] = []
  const rankings = await findNearest(queryVectors, documentVectors, DEPTH, computing)
  rankings.forEach((ranking, at) => {
    sum += score(at, ranking)
    if (at < SAMPLES.queries) samples.push(sampleOf(probe, at, ranking))
  })
  return { value: sum / queries.length, samples }
}

function sampleOf(
  { queries, documents, score }: RetrievalProbe,
  at: number,
  ranking: readonly number[],
): Sample {
  const query = queries[at]!
  const shown = ranking.filter((place) => documents[place] !== query).slice(0, SAMPLES.documents)
  return {
    query: cut(query),
    score: score(at, ranking),
    documents: shown.map((place) => ({ text: cut(documents[place]!), isRelevant: score(at, [place]) > 0 })),
  }
}

/** By characters, so that no surrogate pair is cut in two. */
const cut = (text: string): string => {
  const characters = [...text]
  return characters.length <= SAMPLES.chars ? text : `${characters.slice(0, SAMPLES.chars - 1).join('')}…`
}
