/** @file Two ranked lists become one. */
export type Ranked = { doc: number; score: number }

/** What the vectors say beside a list that the words found. */
export type VectorMatches = {
  /** Cosines, best first. */
  nearest: readonly Ranked[]
  /** Cosine of each lexical match, in their order; not looked at for those that are among the nearest. */
  cosines: ArrayLike<number>
}

/** A document and the words that it matched, a bit each; none for what only the vectors found. */
type Found = Ranked & { found: number }

/**
 * Convex combination:  (1 − w) · lexical / best lexical + w · max(0, cosine);  a list that lacks a document gives 0. A cosine
 * stays what it is: scaled to the best of its list, a query that nothing is like would count as much as one that hits.
 *
 * @param lexical      best first, scores > 0
 * @param vectorWeight w in (0, 1)
 * @param nearMin      a document that no word found is in it from this cosine on
 * @returns            in no order, the lexical matches first: `takeBest` gives those that are shown
 * Source: Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023 (better than rank fusion).
 */
export function fuse(
  lexical: readonly Found[],
  { nearest, cosines }: VectorMatches,
  { vectorWeight, nearMin }: { vectorWeight: number; nearMin: number },
): Found[] {
  const near = new Map<number, number>()
  for (const { doc, score } of nearest) near.set(doc, score)
  const best = lexical[0]?.score ?? 1
  const scoreOf = (score: number, cosine: number) =>
    ((1 - vectorWeight) * score) / best + vectorWeight * Math.max(0, cosine)
  const fused: Found[] = []
  lexical.forEach(({ doc, score, found }, at) => {
    fused.push({ doc, score: scoreOf(score, near.get(doc) ?? cosines[at]!), found })
    near.delete(doc)
  })
  for (const [doc, cosine] of near)
    if (cosine >= nearMin) fused.push({ doc, score: scoreOf(0, cosine), found: 0 })
  return fused
}

/**
 * The `count` best, best first. Cheap where few of many are wanted.
 *
 * @param compareEqual of equal scores; absent, they stay in their order
 */
export function takeBest<T extends Ranked>(
  list: readonly T[],
  count: number,
  compareEqual: (a: T, b: T) => number = () => 0,
): T[] {
  // Numbers are sorted without a comparator, and then only what reaches the last of the best is left.
  const scores = new Float64Array(list.length)
  for (let at = 0; at < scores.length; at++) scores[at] = list[at]!.score
  const least = scores.sort()[list.length - count] ?? Number.NEGATIVE_INFINITY
  return list
    .filter(({ score }) => score >= least)
    .sort((a, b) => b.score - a.score || compareEqual(a, b))
    .slice(0, count)
}
