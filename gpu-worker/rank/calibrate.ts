/**
 * @file Probabilities that are shares: of a hundred items with p = .2 twenty are clicked. A scale and an offset of each logit, which
 * leaves the order of items by one outcome as it is.
 *
 *   minimise −Σ [ỹ ln σ(a l + b) + (w − ỹ) ln(1 − σ(a l + b))]   by Newton's method, a kept above 0
 *
 * Source: Platt 1999; Guo et al., ICML 2017.
 */

const ROUNDS = 30
/** Pulls towards a = 1, b = 0, as if some more rows said so: an outcome of which there are three says little. */
const RIDGE = 1
const SCALE_MIN = 0.05

export type CalibrationRow = {
  logit: number
  /** ỹ ≥ 0; above 1 where it was divided by a propensity. */
  label: number
  weight: number
}

export function calibrate(rows: readonly CalibrationRow[]): { scale: number; offset: number } {
  let [scale, offset] = [1, 0]
  for (let round = 0; round < ROUNDS; round++) {
    // Gradient and Hessian of the loss with the ridge.
    let [ga, gb] = [RIDGE * (scale - 1), RIDGE * offset]
    let [haa, hab, hbb] = [RIDGE, 0, RIDGE]
    for (const { logit, label, weight } of rows) {
      const p = 1 / (1 + Math.exp(-(scale * logit + offset)))
      const error = weight * p - label
      const curve = weight * p * (1 - p)
      ga += error * logit
      gb += error
      haa += curve * logit * logit
      hab += curve * logit
      hbb += curve
    }
    const determinant = haa * hbb - hab * hab
    const [da, db] = [(hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant]
    // At most one step of size 1: far from the optimum Newton's parabola says nothing.
    const size = Math.max(1, Math.hypot(da, db))
    scale = Math.max(SCALE_MIN, scale - da / size)
    offset -= db / size
    if (Math.hypot(da, db) < 1e-9) break
  }
  return { scale, offset }
}
