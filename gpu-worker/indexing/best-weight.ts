/** @file Which weight of the vectors is better than none, by more than chance. */

/** What a weight must win over 0 before it is worth an encoder run for each search. */
const GAIN_MIN = 0.005

/**
 * The smallest weight that is as good as the best one, but for chance: the words are what a shopper sees, and weights beyond
 * the first good one are mostly noise. Source: the one-standard-error rule, Breiman et al., Classification and Regression
 * Trees, 1984, section 3.4.3.
 *
 * @param weights ascending; the first is 0
 * @param scores  by weight and query, in [0, 1], larger is better
 * @param errors  standard errors of the paired difference by which the best may be ahead of what is chosen; 0 takes the best
 * @returns       0 where there is no query, or what is chosen wins too little to be worth its time
 */
export function bestWeight(
  weights: readonly number[],
  scores: readonly (readonly number[])[],
  errors: number,
): number {
  const means = scores.map(mean)
  const best = means.indexOf(Math.max(...means))
  const chosen = scores.findIndex((own) => {
    const gaps = own.map((score, query) => scores[best]![query]! - score)
    return mean(gaps) <= errors * standardError(gaps)
  })
  return means[chosen]! - means[0]! >= GAIN_MIN ? weights[chosen]! : 0
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** Of the mean: s / √n. */
function standardError(values: readonly number[]): number {
  const center = mean(values)
  const variance = mean(values.map((value) => (value - center) ** 2))
  return Math.sqrt(variance / Math.max(1, values.length - 1))
}
