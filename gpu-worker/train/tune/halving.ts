/**
 * @file Successive halving: many candidates get a little training, the best of them more, the last one all of it. Pure: who
 * trains them is `tune.ts`.
 *
 * Source: Jamieson and Talwalkar, AISTATS 2016; η and the geometry of the rungs as in Li et al., Hyperband, JMLR 18, 2018.
 */

export type Rung = {
  /** How many take part. */
  candidates: number
  /** Validations that each has had at its end: the measure of how far it was trained. */
  validations: number
}
export type Score = {
  candidate: number
  /** Larger is better; null when the loss stopped being a number. */
  metric: number | null
}

/**
 * n, ⌊n/η⌋, ⌊n/η²⌋, … 1 candidates with …, R/η², R/η, R validations, so that each rung costs about as much as the next. Where
 * there are few, some rungs would add none to the one before; they are left out.
 *
 * @param validations R, of a whole run
 * @returns           the last rung has all R
 */
export function planRungs(candidates: number, eta: number, validations: number): Rung[] {
  const counts = [candidates]
  while (counts.at(-1)! > 1) counts.push(Math.max(1, Math.floor(counts.at(-1)! / eta)))
  const rungs = counts.map((count, at) => ({
    candidates: count,
    validations: Math.ceil(validations / eta ** (counts.length - 1 - at)),
  }))
  return rungs.filter((rung, at) => at === 0 || rung.validations > rungs[at - 1]!.validations)
}

/** The `count` best, best first; ties by number. Those without a metric never survive. */
export function survivors(scores: readonly Score[], count: number): number[] {
  return scores
    .flatMap(({ candidate, metric }) => (metric === null ? [] : [{ candidate, metric }]))
    .sort((a, b) => b.metric - a.metric || a.candidate - b.candidate)
    .slice(0, count)
    .map(({ candidate }) => candidate)
}
