/** @file Two ranked lists become one. */
export type Ranked = { doc: number; score: number }

/**
 * Convex combination:  (1 − w) · lexical / best lexical + w · max(0, cosine);  a list that lacks a document gives 0. A cosine
 * stays what it is: scaled to the best of its list, a query that nothing is like would count as much as one that hits.
 * With w = 0 the answer is the lexical list in its own order, with w = 1 the vector list.
 *
 * @param lexical      best first, scores > 0
 * @param vector       cosines, best first
 * @param vectorWeight w in [0, 1]
 * @returns            best first; equal scores keep the lexical order, then the vector order
 * Source: Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023 (better than rank fusion).
 */
export function fuse(lexical: readonly Ranked[], vector: readonly Ranked[], vectorWeight: number): Ranked[] {
  if (vectorWeight === 0) return [...lexical]
  if (vectorWeight === 1) return [...vector]
  const scores = new Map<number, number>()
  const best = lexical[0]?.score ?? 1
  for (const { doc, score } of lexical) scores.set(doc, ((1 - vectorWeight) * score) / best)
  for (const { doc, score } of vector)
    scores.set(doc, (scores.get(doc) ?? 0) + vectorWeight * Math.max(0, score))
  return [...scores].map(([doc, score]) => ({ doc, score })).sort((a, b) => b.score - a.score)
}
