import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../lib/random.ts'
import { boundOf, fitStudent, logDensity, tailShare } from './student.ts'

describe("Student's t", () => {
  // Two-sided quantiles; source: NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2.
  it.each([
    [1, 0.05, 12.706],
    [2, 0.02, 6.965],
    [3, 0.05, 3.182],
    [4, 0.002, 7.173],
    [5, 0.01, 4.032],
    [30, 0.05, 2.042],
  ])('with %i degrees has a share of %f beyond %f', (df, share, bound) => {
    expect(boundOf(share, df)).toBeCloseTo(bound, 3)
    expect(tailShare(-bound, df)).toBeCloseTo(share, 3)
  })

  it.each([1, 2, 3, 4, 5, 6, 8, 12, 30])('has with %i degrees the density that its tail falls by', (df) => {
    for (const z of [0.3, 1, 2.5]) {
      const slope = (tailShare(z - 1e-5, df) - tailShare(z + 1e-5, df)) / 2e-5
      expect(Math.exp(logDensity(z, df))).toBeCloseTo(slope / 2, 6)
    }
  })

  it('is fitted to normal values as nearly normal, with their centre and deviation', () => {
    const random = createRandom(1)
    const fit = fitStudent(
      Array.from({ length: 5_000 }, () => 3 + 2 * gaussian(random)),
      0.01,
    )
    expect(fit.centre).toBeCloseTo(3, 0)
    expect(fit.scale).toBeCloseTo(2, 0)
    expect(fit.df).toBeGreaterThanOrEqual(8)
  })

  it('is hardly moved by one wrong value in a hundred', () => {
    const random = createRandom(2)
    const values = Array.from({ length: 5_000 }, () => gaussian(random))
    const wrong = values.map((value, at) => (at % 100 === 0 ? 1e6 : value))
    expect(fitStudent(wrong, 0.01).scale).toBeLessThan(1.2 * fitStudent(values, 0.01).scale)
    expect(boundOf(0.001, fitStudent(wrong, 0.01).df)).toBeLessThan(9)
  })

  it('takes equal values to differ by the floor', () => {
    expect(fitStudent([5, 5, 5], 0.1).scale).toBeGreaterThan(0.05)
  })
})
