import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pairAccuracy, rootMeanSquareError } from './agreement.ts'

describe('pairAccuracy', () => {
  it('counts pairs of one query that people told apart, a tie for half', () => {
    const queries = ['a', 'a', 'a', 'b', 'b']
    // a: 3 > 1 right, 3 > 2 tied, 2 > 1 right; b: people saw no difference
    expect(pairAccuracy(queries, [5, 1, 5, 9, 0], [3, 1, 2, 2, 2])).toEqual({ accuracy: 2.5 / 3, pairs: 3 })
    expect(pairAccuracy(['a', 'b'], [1, 2], [1, 3])).toEqual({ accuracy: null, pairs: 0 })
  })
  it('is 1 for the judgments themselves, and turns round with the scores', () => {
    const judged = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 3 }), fc.nat(5)))
    fc.assert(
      fc.property(judged, (rows) => {
        const queries = rows.map(([query]) => query)
        const judgments = rows.map(([, judgment]) => judgment)
        const scores = rows.map(([, , score]) => score)
        const { accuracy, pairs } = pairAccuracy(queries, scores, judgments)
        if (accuracy === null) return
        expect(pairAccuracy(queries, judgments, judgments)).toEqual({ accuracy: 1, pairs })
        const turned = pairAccuracy(
          queries,
          scores.map((score) => -score),
          judgments,
        )
        expect(turned.accuracy).toBeCloseTo(1 - accuracy, 12)
      }),
      { seed: 2 },
    )
  })
})

describe('rootMeanSquareError', () => {
  it('is the spread of the errors', () => {
    expect(rootMeanSquareError([1, 2, 3], [1, 2, 3])).toBe(0)
    expect(rootMeanSquareError([0, 0], [3, 4])).toBeCloseTo(Math.sqrt(12.5), 12)
  })
})
