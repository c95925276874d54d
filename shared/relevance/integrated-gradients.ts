/**
 * @file Which features made a score: what each adds, from a baseline to the candidate, so that the parts sum to the difference.
 *
 *   a_i = (x_i − x'_i) · ∫₀¹ ∂f/∂x_i (x' + t (x − x')) dt,   by the midpoint rule in `steps` parts
 *
 * Source: Sundararajan, Taly, Yan, ICML 2017.
 */

/** Points between baseline and candidate. A network with ReLU has kinks: what is left open falls with their number. */
export const STEPS = 128

/** f32[STEPS, columns]: the middles of the parts of the way. */
export function pathPoints(baseline: Float32Array, candidate: Float32Array): Float32Array {
  const columns = candidate.length
  const points = new Float32Array(STEPS * columns)
  for (let step = 0; step < STEPS; step++) {
    const share = (step + 0.5) / STEPS
    for (let column = 0; column < columns; column++)
      points[step * columns + column] = baseline[column]! + share * (candidate[column]! - baseline[column]!)
  }
  return points
}

/**
 * @param gradients f32[STEPS, columns] of the score at `pathPoints`
 * @returns         f64[columns]; their sum is score(candidate) − score(baseline) up to the error of the rule
 */
export function attribute(
  baseline: Float32Array,
  candidate: Float32Array,
  gradients: Float32Array,
): Float64Array {
  const columns = candidate.length
  return Float64Array.from(candidate, (value, column) => {
    let sum = 0
    for (let step = 0; step < STEPS; step++) sum += gradients[step * columns + column]!
    return ((value - baseline[column]!) * sum) / STEPS
  })
}
