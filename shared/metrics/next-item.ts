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

/** What lists are like, whether they are right or not. */
export type ListQuality = {
  /** Share of the catalogue that is in any list. */
  coverage: number
  /** Mean over all places of −log₂(events of the item / all events), an item without events counted as having one; in bits. */
  novelty: number
  /** Mean events of an item in a list, beside the mean events of an item in a history: above 1 lists are more popular than what shoppers did. */
  popularityLift: number
}

/**
 * @param counts events by item
 * Source: novelty: Zhou et al., PNAS 2010; popularity lift: Abdollahpouri et al., UMAP 2021.
 */
export function listQuality(
  lists: readonly Uint32Array[],
  histories: readonly Uint32Array[],
  counts: Uint32Array,
): ListQuality {
  const events = counts.reduce((sum, count) => sum + count, 0)
  const listed = lists.flatMap((list) => [...list])
  const popularity = (items: readonly number[]) => mean(items.map((item) => counts[item]!))
  const before = popularity(histories.flatMap((history) => [...history]))
  return {
    coverage: new Set(listed).size / Math.max(1, counts.length),
    novelty: mean(listed.map((item) => -Math.log2(Math.max(1, counts[item]!) / Math.max(1, events)))),
    popularityLift: before > 0 ? popularity(listed) / before : 0,
  }
}
