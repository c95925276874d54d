/** @file From what a model believes to what can be believed of it: fitted on guesses about items that it was not learnt from. */

export type Guess = { probability: number; isRight: boolean }
/** calibrated log odds = slope · log odds + offset. */
export type Calibration = { slope: number; offset: number }

const STEPS = 50
const BINS = 10
/** Keeps the log odds finite. */
const EDGE = 1e-6
/** Strength of the belief that the model is right about itself, as a weight on slope 1 and offset 0. */
const PRIOR = 1

/**
 * Two numbers by Newton's method on the log likelihood; with no guesses, what the model says is taken as it is.
 *
 * Source: Platt, "Probabilistic outputs for support vector machines", 1999. The offset is what temperature scaling lacks: a model
 * that has never seen some of the classes is wrong more often than any temperature of it admits.
 */
export function fitCalibration(guesses: readonly Guess[]): Calibration {
  let [slope, offset] = [1, 0]
  const odds = guesses.map(({ probability }) => logOdds(probability))
  // Platt's targets: never quite 0 or 1, so that a model without a fault does not become sure of itself.
  const right = guesses.filter(({ isRight }) => isRight).length
  const [high, low] = [(right + 1) / (right + 2), 1 / (guesses.length - right + 2)]
  for (let step = 0; step < STEPS; step++) {
    let [gs, go, ss, so, oo] = [PRIOR * (slope - 1), PRIOR * offset, PRIOR, 0, PRIOR]
    guesses.forEach(({ isRight }, at) => {
      const x = odds[at]!
      const p = sigmoid(slope * x + offset)
      const error = p - (isRight ? high : low)
      const weight = Math.max(EDGE, p * (1 - p))
      gs += error * x
      go += error
      ss += weight * x * x
      so += weight * x
      oo += weight
    })
    const determinant = ss * oo - so * so
    const [ds, d0] = [(oo * gs - so * go) / determinant, (ss * go - so * gs) / determinant]
    // Half steps at most, because far from the optimum Newton's method overshoots.
    const damping = Math.min(1, 0.5 / Math.max(Math.abs(ds), Math.abs(d0), EDGE))
    slope -= damping * ds
    offset -= damping * d0
  }
  return { slope: Math.max(0, slope), offset }
}

export const calibrate = ({ slope, offset }: Calibration, probability: number): number =>
  sigmoid(slope * logOdds(probability) + offset)

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

function logOdds(probability: number): number {
  const p = Math.min(1 - EDGE, Math.max(EDGE, probability))
  return Math.log(p / (1 - p))
}

/** How far confidence and the share of right guesses lie apart. Source: Guo et al., ICML 2017 (ECE, bins of equal width). */
export function calibrationError(guesses: readonly Guess[]): number {
  const gaps = new Float64Array(BINS)
  for (const { probability, isRight } of guesses)
    gaps[Math.min(BINS - 1, Math.floor(probability * BINS))]! += probability - (isRight ? 1 : 0)
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / Math.max(1, guesses.length)
}
