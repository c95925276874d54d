/** @file Two ranked lists become one. */
export type Ranked = { doc: number; score: number }

/**
 * Convex combination of min-max scaled scores:  (1 − w) · lexical + w · vector,  a list that lacks a document gives 0.
 * With w = 0 the answer is the lexical list in its own order, with w = 1 the vector list.
 *
 * @param vectorWeight w in [0, 1]
 * @returns            best first; equal scores keep the lexical order, then the vector order
 * Source: Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023 (better than rank fusion).
 */
export function fuse(lexical: readonly Ranked[], vector: readonly Ranked[], vectorWeight: number): Ranked[] {
  if (vectorWeight === 0) return [...lexical]
  if (vectorWeight === 1) return [...vector]
  const scores = new Map<number, number>()
  const add = (list: readonly Ranked[], weight: number) => {
    const scale = scaler(list)
    for (const { doc, score } of list) scores.set(doc, (scores.get(doc) ?? 0) + weight * scale(score))
  }
  add(lexical, 1 - vectorWeight)
  add(vector, vectorWeight)
  return [...scores].map(([doc, score]) => ({ doc, score })).sort((a, b) => b.score - a.score)
}

/** Scores to (0, 1]: the last of a list still beats a document that is not in it. */
function scaler(list: readonly Ranked[]): (score: number) => number {
  const high = list[0]?.score ?? 1
  const low = list.at(-1)?.score ?? 0
  const floor = 1 / (list.length + 1)
  return (score) => (high > low ? floor + (1 - floor) * ((score - low) / (high - low)) : 1)
}
