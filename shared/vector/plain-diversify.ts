/** @file Varied choices in plain TypeScript and double precision; `shared/kernels/assembly/diversify.ts` has the same rules. */

export type ChoiceRule =
  /** λ in [0, 1]: 1 is by relevance alone, 0 by difference alone. */
  | { kind: 'mmr'; lambda: number }
  /** Quality of a candidate is exp(sharpness · relevance): 0 is by difference alone. */
  | { kind: 'dpp'; sharpness: number }

/** Dot product of two candidates by index. */
export type Similarity = (a: number, b: number) => number

/** A candidate whose volume beside the chosen ones is smaller is a mixture of them, up to rounding. */
const VOLUME_MIN = 1e-6

/**
 * Indices in the order of choice, the best gain each time; of equal gains the first candidate.
 *
 * @returns min(wanted, relevance.length) of them; fewer by volume when nothing adds any
 */
export function chooseVaried(
  relevance: readonly number[],
  similarity: Similarity,
  rule: ChoiceRule,
  wanted: number,
): number[] {
  const gainOf = gainBy(relevance, similarity, rule)
  const enough = rule.kind === 'dpp' ? VOLUME_MIN : Number.NEGATIVE_INFINITY
  const chosen: number[] = []
  const rest = new Set(relevance.keys())
  while (chosen.length < wanted && rest.size > 0) {
    let best = -1
    let bestGain = Number.NEGATIVE_INFINITY
    for (const i of rest) {
      const gain = gainOf(chosen, i)
      if (gain <= bestGain) continue
      best = i
      bestGain = gain
    }
    if (best < 0 || bestGain < enough) break
    chosen.push(best)
    rest.delete(best)
  }
  return chosen
}

export const gainBy = (relevance: readonly number[], similarity: Similarity, rule: ChoiceRule) =>
  rule.kind === 'mmr'
    ? (chosen: readonly number[], i: number) => mmrGain(relevance, similarity, rule.lambda, chosen, i)
    : (chosen: readonly number[], i: number) =>
        dppGain(
          relevance.map((r) => qualityOf(r, rule.sharpness)),
          similarity,
          chosen,
          i,
        )

export const qualityOf = (relevance: number, sharpness: number): number => Math.exp(sharpness * relevance)

/** λ · relevance(i) − (1 − λ) · max over the chosen j of sim(i, j). */
function mmrGain(
  relevance: readonly number[],
  similarity: Similarity,
  lambda: number,
  chosen: readonly number[],
  i: number,
): number {
  const nearest = chosen.length === 0 ? 0 : Math.max(...chosen.map((j) => similarity(i, j)))
  return lambda * relevance[i]! - (1 - lambda) * nearest
}

/**
 * det L(chosen + i) / det L(chosen), the square of the last entry of Cholesky's factor of L(chosen + i).
 * L(i, j) = quality(i) · sim(i, j) · quality(j), where an item's similarity to itself is 1.
 */
function dppGain(
  quality: readonly number[],
  similarity: Similarity,
  chosen: readonly number[],
  i: number,
): number {
  const kernel = (a: number, b: number) => quality[a]! * quality[b]! * (a === b ? 1 : similarity(a, b))
  const rows: number[][] = []
  let square = 0
  for (const item of [...chosen, i]) {
    const row: number[] = []
    for (const [k, above] of rows.entries()) {
      const inner = row.reduce((sum, x, t) => sum + x * above[t]!, 0)
      row.push((kernel(item, chosen[k]!) - inner) / above[k]!)
    }
    square = Math.max(0, kernel(item, item) - row.reduce((sum, x) => sum + x * x, 0))
    rows.push([...row, Math.sqrt(square)])
  }
  return square
}
