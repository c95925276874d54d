/** @file From scored documents to the hits of a reply. */
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { Hit, RankedReply } from '../../shared/schema/replies.ts'

/** A document on its way to the shopper; `reasons` are plain sentences, the strongest first. */
export type Scored = { doc: number; score: number; reasons: string[] }

export const toHit = (index: Index, { doc, score, reasons }: Scored): Hit => ({
  ...index.display(doc),
  score: scoreShown(score),
  reasons,
})

/** Shards hold the items of this index, and this isolate none: only search asks them. */
export const isElsewhere = ({ manifest, segments }: Index): boolean =>
  manifest.placement !== undefined && segments.length === 0

/** The reply of a list that is made from what the isolate holds, where it holds nothing. */
export const elsewhereReply = (requestId: string, index: Index): RankedReply => ({
  ...rankedFrame(requestId, index, ['divided-index']),
  hits: [],
})

/** A score as replies give it. */
export const scoreShown = (score: number): number => Math.round(score * 1e6) / 1e6

/** What every ranked reply says of itself: one index version and one model, and what was left out. */
export const rankedFrame = (
  requestId: string,
  index: Index,
  degraded: readonly string[],
): Omit<RankedReply, 'hits'> => ({
  requestId,
  indexVersion: index.manifest.version,
  model: index.manifest.model.id,
  degraded: [...degraded],
})
