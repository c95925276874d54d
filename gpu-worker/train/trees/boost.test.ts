import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../shared/lib/random.ts'
import { rootMeanSquareError } from '../../../shared/metrics/agreement.ts'
import { predict, Trees } from '../../../shared/relevance/trees.ts'
import { BINS_MAX, bin } from './bins.ts'
import { type BoostSettings, boost } from './boost.ts'

const settings: BoostSettings = {
  count: 60,
  rate: 0.2,
  leaves: 6,
  leafRowsMin: 5,
  ridge: 1,
  rowShare: 0.8,
  featureShare: 1,
  groupWeight: 0,
}
const ROWS = 400
/** Two features that matter together, one that does not. */
const table = (seed: number) => {
  const random = createRandom(seed)
  const rows = Array.from({ length: ROWS }, () => Float32Array.from({ length: 3 }, () => random()))
  const targets = Float32Array.from(rows, ([a, b]) => (a! > 0.5 ? 2 : 1) + (a! > 0.5 && b! < 0.3 ? 1 : 0))
  return { rows, targets, groups: Uint32Array.from(rows, (_, row) => row >> 2) }
}
const { rows, targets, groups } = table(1)
const errorOf = (trees: Trees, of = table(2)) =>
  rootMeanSquareError(
    of.rows.map((row) => predict(trees, row)),
    of.targets,
  )

describe('boosted trees', () => {
  it('learn steps and their combinations, on rows that they have not seen', () => {
    const trees = boost(rows, targets, groups, settings, 3)
    expect(errorOf({ ...trees, trees: [] })).toBeGreaterThan(0.5)
    expect(errorOf(trees)).toBeLessThan(0.12)
  })

  it('come nearer to what they learn from with each tree, when they see all of it', () => {
    const trees = boost(rows, targets, groups, { ...settings, rowShare: 1 }, 3)
    const errors = [...trees.trees.keys()].map((count) =>
      errorOf({ ...trees, trees: trees.trees.slice(0, count) }, { rows, targets, groups }),
    )
    errors.slice(1).forEach((error, at) => {
      expect(error).toBeLessThanOrEqual(errors[at]! + 1e-9)
    })
  })

  it('are the same for the same seed, and survive a file', () => {
    const trees = boost(rows, targets, groups, settings, 3)
    expect(boost(rows, targets, groups, settings, 3)).toEqual(trees)
    expect(boost(rows, targets, groups, settings, 4)).not.toEqual(trees)
    expect(Trees.parse(JSON.parse(JSON.stringify(trees)))).toEqual(trees)
  })

  it('keep the rows of a leaf above the least', () => {
    const { trees } = boost(rows, targets, groups, { ...settings, leafRowsMin: 150, rowShare: 1 }, 3)
    // 400 rows have room for two leaves of 150.
    for (const { feature } of trees) expect(feature.filter((one) => one < 0).length).toBeLessThanOrEqual(2)
  })

  it('look at differences within a group more, the more these weigh', () => {
    // Between groups the one feature says all; within groups the other, weakly.
    const random = createRandom(5)
    const of = Array.from({ length: ROWS }, (_, row) => Float32Array.of((row >> 2) % 7, random()))
    const wanted = Float32Array.from(of, ([group, own]) => group! + own!)
    const withinError = (groupWeight: number) => {
      const trees = boost(of, wanted, groups, { ...settings, count: 5, groupWeight }, 1)
      const errors = of.map((row, at) => predict(trees, row) - wanted[at]!)
      const means = Array.from({ length: ROWS / 4 }, (_, group) =>
        errors.slice(4 * group, 4 * group + 4).reduce((sum, error) => sum + error / 4, 0),
      )
      return rootMeanSquareError(
        errors,
        errors.map((_, at) => means[at >> 2]!),
      )
    }
    expect(withinError(10)).toBeLessThan(withinError(0))
  })

  it('refuse a file whose nodes lead nowhere or round in circles', () => {
    const tree = { feature: [0, -1, -1], threshold: [0, 1, 2], left: [1, 0, 0], right: [2, 0, 0] }
    expect(Trees.safeParse({ base: 0, trees: [tree] }).success).toBe(true)
    for (const left of [[0, 0, 0], [3, 0, 0], [1]])
      expect(Trees.safeParse({ base: 0, trees: [{ ...tree, left }] }).success).toBe(false)
  })
})

describe('bins', () => {
  it('keep the order of values, few enough for a byte, an edge between any two', () => {
    const column = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }), {
      minLength: 1,
      maxLength: 700,
    })
    fc.assert(
      fc.property(column, (values) => {
        const { columns, edges } = bin(values.map((value) => Float32Array.of(value)))
        const [own, cuts] = [columns[0]!, edges[0]!]
        expect(cuts.length).toBeLessThan(BINS_MAX)
        values.forEach((value, row) => {
          const at = own[row]!
          expect(at === 0 || cuts[at - 1]! < Math.fround(value)).toBe(true)
          expect(at === cuts.length || Math.fround(value) <= cuts[at]!).toBe(true)
        })
        if (new Set(values).size <= BINS_MAX)
          expect(new Set(own).size).toBe(new Set(values.map((x) => x + 0)).size)
      }),
      { seed: 8, numRuns: 60 },
    )
  })
})
