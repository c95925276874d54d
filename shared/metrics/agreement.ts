/** @file How well scores agree with what people judged. */
import { assert } from '../lib/result.ts'

/** √ of the mean of (score − judgment)². */
export function rootMeanSquareError(scores: ArrayLike<number>, judgments: ArrayLike<number>): number {
  assert(scores.length === judgments.length && scores.length > 0, 'each score has a judgment')
  let sum = 0
  for (let at = 0; at < scores.length; at++) sum += (scores[at]! - judgments[at]!) ** 2
  return Math.sqrt(sum / scores.length)
}

/**
 * Of two items of one query of which people found one more relevant, how often that one has the higher score; a tie counts
 * half. Over all such pairs of all queries.
 *
 * @param queries the query of each score
 * @returns       accuracy in [0, 1], null where no two judgments of a query differ
 */
export function pairAccuracy(
  queries: readonly string[],
  scores: ArrayLike<number>,
  judgments: ArrayLike<number>,
): { accuracy: number | null; pairs: number } {
  const groups = new Map<string, number[]>()
  queries.forEach((query, at) => {
    const group = groups.get(query) ?? []
    group.push(at)
    groups.set(query, group)
  })
  let right = 0
  let pairs = 0
  for (const group of groups.values())
    for (const better of group)
      for (const worse of group) {
        if (judgments[better]! <= judgments[worse]!) continue
        pairs++
        if (scores[better]! > scores[worse]!) right++
        else if (scores[better]! === scores[worse]!) right += 0.5
      }
  return { accuracy: pairs === 0 ? null : right / pairs, pairs }
}
