/**
 * @file How far two distributions over the same bins are apart, from their counts, and how far chance alone would bring them. A
 * small feed differs from the next by chance: a fixed limit would cry wolf there.
 */

/** Added to each count, so that an empty bin has a finite logarithm (Krichevsky and Trofimov 1981). */
const PRIOR = 0.5

function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count + PRIOR, 0)
  return counts.map((count) => (count + PRIOR) / total)
}

/**
 * Population stability index: Σ (p − q) ln (p / q). Symmetric, ≥ 0; by custom, from 0.1 on worth a look, from 0.25 on a change.
 * Source: Lewis, An Introduction to Credit Scoring, 1994 (Jeffreys' divergence).
 */
export function stabilityIndex(a: readonly number[], b: readonly number[]): number {
  const [p, q] = [shares(a), shares(b)]
  return p.reduce((sum, share, at) => sum + (share - q[at]!) * Math.log(share / q[at]!), 0)
}

/** Jensen-Shannon divergence in bits, 0 to 1, symmetric. Source: Lin, IEEE Transactions on Information Theory 1991. */
export function jensenShannon(a: readonly number[], b: readonly number[]): number {
  const [p, q] = [shares(a), shares(b)]
  const half = (one: readonly number[]) =>
    one.reduce((sum, share, at) => sum + share * Math.log2((2 * share) / (p[at]! + q[at]!)), 0)
  return Math.max(0, (half(p) + half(q)) / 2)
}

/** Quantile .999 of the standard normal: one comparison of equals in a thousand goes beyond what chance is granted. */
const CHANCE_Z = 3.0902

/**
 * What chance brings the index to, once in a thousand: under no change PSI / (1/n + 1/m) is χ² with bins − 1 degrees.
 * Source: Yurdakul, Statistical Properties of Population Stability Index, 2018.
 */
export const chanceOfStabilityIndex = (bins: number, n: number, m: number): number =>
  bins < 2 || n === 0 || m === 0 ? Number.POSITIVE_INFINITY : chiSquare(bins - 1) * (1 / n + 1 / m)

/** The same of the Jensen-Shannon divergence, which near 0 is an eighth of the index in nats. */
export const chanceOfJensenShannon = (bins: number, n: number, m: number): number =>
  chanceOfStabilityIndex(bins, n, m) / (8 * Math.LN2)

/** Quantile .999 of χ². Source: Wilson and Hilferty, PNAS 1931; within 1 % from 2 degrees on. */
function chiSquare(degrees: number): number {
  const h = 2 / (9 * degrees)
  return degrees * (1 - h + CHANCE_Z * Math.sqrt(h)) ** 3
}
