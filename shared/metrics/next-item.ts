/** @file How well the next item is foretold: its rank among all items, never among a sample of them. */
import { mean } from './bootstrap.ts'

/**
 * Each in [0, 1], means over the histories: hit rate (share with rank ≤ k, which with one right answer is the recall and, for sessions,
 * is called precision), 1 / log₂(1 + rank) and 1 / rank of those.
 */
export type NextItemQuality = { hitRate: number; ndcg: number; mrr: number }

/** Rank from 1 of the item by its score, equal scores by item number; Infinity for an item that is skipped. */
export function rankOf(scores: Float32Array, item: number, skip: Iterable<number> = []): number {
  const skipped = new Set(skip)
  if (skipped.has(item)) return Number.POSITIVE_INFINITY
  const score = scores[item]!
  let rank = 1
  for (let other = 0; other < scores.length; other++)
    if (scores[other]! > score || (scores[other] === score && other < item)) rank++
  for (const other of skipped) if (scores[other]! > score || (scores[other] === score && other < item)) rank--
  return rank
}

/** @param ranks of the right answers, from 1; Infinity where it is not in the list */
export function nextItemQuality(ranks: readonly number[], k: number): NextItemQuality {
  const within = (gain: (rank: number) => number) => mean(ranks.map((rank) => (rank <= k ? gain(rank) : 0)))
  return {
    hitRate: within(() => 1),
    ndcg: within((rank) => 1 / Math.log2(rank + 1)),
    mrr: within((rank) => 1 / rank),
  }
}
