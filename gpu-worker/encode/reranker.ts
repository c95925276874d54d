/** @file Scores (query, title) pairs by a model that was taught on judgments: features, cross-encoders, trees. */
import { createCatalogue } from '../../shared/relevance/catalogue.ts'
import { featureRows, type Pair } from '../../shared/relevance/features.ts'
import { CROSS_ENCODER, relevanceOf } from '../../shared/relevance/head.ts'
import type { RelevanceModel } from '../model/relevance.ts'
import { createCrossEncoder } from './cross-encoder.ts'

export type Reranker = {
  /** Relevance of each pair, in order, on the scale of the judgments; a pair's score does not depend on the others. */
  score(pairs: readonly Pair[]): Promise<number[]>
  close(): Promise<void>
}

export async function createReranker(
  { head, titles, crossEncoders }: RelevanceModel,
  { threads }: { threads: number },
): Promise<Reranker> {
  const catalogue = createCatalogue(titles)
  const encoders = await Promise.all(
    crossEncoders.map((checkpoint) => createCrossEncoder(checkpoint, { maxTokens: head.maxTokens, threads })),
  )
  const place = head.features.indexOf(CROSS_ENCODER)
  return {
    async score(pairs) {
      const rows = featureRows(catalogue, pairs, head.features)
      for (const encoder of encoders) {
        const scores = await encoder.score(pairs)
        rows.forEach((row, at) => {
          row[place]! += scores[at]! / encoders.length
        })
      }
      return rows.map((row) => relevanceOf(head, row))
    },
    async close() {
      for (const encoder of encoders) await encoder.close()
    },
  }
}
