import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bestWeight } from './best-weight.ts'

const WEIGHTS = [0, 0.1, 0.2, 0.3]
/** Scores of 100 queries; noise that is the same for every weight says nothing about them. */
const scoresOf = (gains: readonly number[], spread = 0) =>
  gains.map((gain, at) =>
    Array.from(
      { length: 100 },
      (_, query) => 0.3 + gain + (query % 10) / 20 + (((query * (at + 3)) % 7) - 3) * spread,
    ),
  )

describe('the weight that is chosen', () => {
  it('is the best where chance is left out', () => {
    expect(bestWeight(WEIGHTS, scoresOf([0, 0.05, 0.051, 0.04]), 0)).toBe(0.2)
  })
  it('is the first that the best does not beat by more than chance', () => {
    expect(bestWeight(WEIGHTS, scoresOf([0, 0.05, 0.051, 0.04], 0.01), 1)).toBe(0.1)
    expect(bestWeight(WEIGHTS, scoresOf([0, 0.02, 0.051, 0.04], 0.01), 1)).toBe(0.2)
  })
  it('is 0 where all may be chance, where the gain is small, and where nothing was asked', () => {
    expect(bestWeight(WEIGHTS, scoresOf([0, 0.006, 0.008, 0.007], 0.05), 1)).toBe(0)
    expect(bestWeight(WEIGHTS, scoresOf([0, 0.004, 0.004, 0.003]), 0)).toBe(0)
    expect(bestWeight(WEIGHTS, [[], [], [], []], 1)).toBe(0)
  })
  it('is never larger when more is put down to chance', () => {
    const score = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(score, score, score, score), { minLength: 2, maxLength: 30 }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (rows, a, b) => {
          const scores = WEIGHTS.map((_, at) => rows.map((row) => row[at]!))
          const [low, high] = [Math.min(a, b), Math.max(a, b)]
          expect(bestWeight(WEIGHTS, scores, high)).toBeLessThanOrEqual(bestWeight(WEIGHTS, scores, low))
        },
      ),
      { seed: 1 },
    )
  })
})
