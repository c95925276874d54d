/** @file How good a ranked list is, given what is known of its items. */

/** Relevance by item id, 0 or more; an item that is not in it was never judged. */
export type Judgments = ReadonlyMap<string, number>

/**
 *   DCG@k = Σ over ranks r = 1 … k of  (2^rel − 1) / log₂(r + 1),   nDCG = DCG / DCG of the best order of all judged items
 *
 * @param ranking item ids, best first; one that nobody judged counts as relevance 0
 * @returns in [0, 1]; null when no judged item is relevant, so that the query can be left out of a mean
 * Source: Järvelin and Kekäläinen, TOIS 2002, with the gain of Burges et al., ICML 2005.
 */
export function ndcg(ranking: readonly string[], judgments: Judgments, k: number): number | null {
  const ideal = dcg(
    [...judgments.values()].sort((a, b) => b - a),
    k,
  )
  if (ideal === 0) return null
  return (
    dcg(
      ranking.map((id) => judgments.get(id) ?? 0),
      k,
    ) / ideal
  )
}

function dcg(relevances: readonly number[], k: number): number {
  let sum = 0
  for (let rank = 1; rank <= Math.min(k, relevances.length); rank++)
    sum += (2 ** relevances[rank - 1]! - 1) / Math.log2(rank + 1)
  return sum
}

/** The list without what nobody judged: for judgments pooled from other systems. Source: Sakai, SIGIR 2007. */
export const condensed = (ranking: readonly string[], judgments: Judgments): string[] =>
  ranking.filter((id) => judgments.has(id))

/** Share of the relevant items among the first k; null when there is none. */
export function recall(ranking: readonly string[], relevant: ReadonlySet<string>, k: number): number | null {
  if (relevant.size === 0) return null
  let found = 0
  for (const id of new Set(ranking.slice(0, k))) if (relevant.has(id)) found++
  return found / relevant.size
}

/** 1 / rank of the first relevant item among the first k, 0 if there is none. */
export function reciprocalRank(ranking: readonly string[], relevant: ReadonlySet<string>, k: number): number {
  const at = ranking.slice(0, k).findIndex((id) => relevant.has(id))
  return at === -1 ? 0 : 1 / (at + 1)
}
