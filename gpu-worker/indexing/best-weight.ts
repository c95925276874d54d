/** @file Which weight of the vectors is better than none, by more than chance. */

/** What a weight must win over 0 before it is worth an encoder run for each search. */
const GAIN_MIN = 0.005

/**
 * @param weights the first is 0
 * @param scores  by weight and query, in [0, 1], larger is better
 * @param errors  standard errors of the paired difference that the gain must exceed: on a few hundred queries less is chance
 * @returns       the weight with the best mean; 0 where there is no query, or the gain is small or may be chance
 */
export function bestWeight(
  weights: readonly number[],
  scores: readonly (readonly number[])[],
  errors: number,
): number {
  const means = scores.map(mean)
  const best = means.indexOf(Math.max(...means))
  const gains = scores[best]!.map((score, query) => score - scores[0]![query]!)
  const isGain = mean(gains) >= GAIN_MIN && mean(gains) > errors * standardError(gains)
  return isGain ? weights[best]! : 0
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** Of the mean: s / √n. */
function standardError(values: readonly number[]): number {
  const center = mean(values)
  const variance = mean(values.map((value) => (value - center) ** 2))
  return Math.sqrt(variance / Math.max(1, values.length - 1))
}
