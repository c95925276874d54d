import { describe, expect, it } from 'vitest'
import { createRandom } from '../../lib/random.ts'
import { calibrate, calibrationError, fitCalibration, type Guess } from './calibration.ts'

/** A model that says `claimed(truth)` where it is right with the probability `truth`. */
function guesses(count: number, claimed: (truth: number) => number): Guess[] {
  const random = createRandom(5)
  return Array.from({ length: count }, () => {
    const truth = random()
    return { probability: claimed(truth), isRight: random() < truth }
  })
}
const boast = (truth: number) => truth ** 3 / (truth ** 3 + (1 - truth) ** 3)

describe('calibration', () => {
  it('takes a boaster at less than its word', () => {
    const all = guesses(4_000, boast)
    const fitted = fitCalibration(all)
    const calibrated = all.map((one) => ({ ...one, probability: calibrate(fitted, one.probability) }))
    expect(calibrationError(all)).toBeGreaterThan(0.1)
    expect(calibrationError(calibrated)).toBeLessThan(0.03)
    expect(fitted.slope).toBeCloseTo(1 / 3, 1)
  })

  it('leaves one that is honest as it is', () => {
    expect(fitCalibration(guesses(4_000, (truth) => truth)).slope).toBeCloseTo(1, 0)
  })

  it('believes a model that nobody checked, and not quite one that was never wrong', () => {
    expect(fitCalibration([])).toEqual({ slope: 1, offset: 0 })
    const faultless = fitCalibration(Array.from({ length: 10 }, () => ({ probability: 0.99, isRight: true })))
    expect(calibrate(faultless, 0.99)).toBeLessThan(1)
  })

  it('never turns the order round', () => {
    const fitted = fitCalibration(guesses(200, (truth) => 1 - truth))
    expect(calibrate(fitted, 0.9)).toBeGreaterThanOrEqual(calibrate(fitted, 0.1))
  })
})
