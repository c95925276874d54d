import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ease, easeSparse } from './ease.ts'
import { invertInPlace } from './invert.ts'
import type { Neighbours } from './neighbours.ts'

const RIDGE = 2
const data = {
  itemCount: 6,
  sequences: [
    [0, 1, 2],
    [0, 1],
    [1, 2, 3, 1],
    [3, 4],
    [4, 3, 0],
    [2, 1],
  ].map((items) => Uint32Array.from(items)),
}

/** Gauss and Jordan in double precision, without pivots: the matrices here need none. */
function invertPlainly(a: readonly number[][]): number[][] {
  const rows = a.map((row, at) => [...row, ...row.map((_, column) => (column === at ? 1 : 0))])
  rows.forEach((pivot, at) => {
    const first = pivot[at]!
    rows[at] = pivot.map((value) => value / first)
    rows.forEach((row, other) => {
      if (other === at) return
      const factor = row[at]!
      rows[other] = row.map((value, column) => value - factor * rows[at]![column]!)
    })
  })
  return rows.map((row) => row.slice(a.length))
}

/** B from the definition. */
function plainEase(): number[][] {
  const x = data.sequences.map((items) =>
    Array.from({ length: 6 }, (_, item) => (items.includes(item) ? 1 : 0)),
  )
  const gram = Array.from({ length: 6 }, (_, i) =>
    Array.from({ length: 6 }, (_, j) => x.reduce((sum, row) => sum + row[i]! * row[j]!, i === j ? RIDGE : 0)),
  )
  const p = invertPlainly(gram)
  return p.map((row, i) => row.map((value, j) => (i === j ? 0 : -value / p[j]![j]!)))
}

const entries = ({ starts, items, weights }: Neighbours, item: number) =>
  Array.from(items.subarray(starts[item]!, starts[item + 1]!), (to, at) => [to, weights[starts[item]! + at]!])

describe('EASE', () => {
  const expected = plainEase().map((row) =>
    [...row.entries()].filter(([, weight]) => weight > 1e-6).sort(([, a], [, b]) => b - a),
  )

  it('is the closed form, of which the positive weights are kept', async () => {
    const found = await ease(data, { ridge: RIDGE, limit: 6 }, { threads: 1, block: 4 })
    expected.forEach((row, item) => {
      expect(entries(found, item).map(([to]) => to)).toEqual(row.map(([to]) => to))
      entries(found, item).forEach(([, weight], at) => {
        expect(weight).toBeCloseTo(row[at]![1], 5)
      })
    })
  })

  it('solved column by column is the same where an item was seen with all others', () => {
    const whole = {
      itemCount: 3,
      sequences: [
        [0, 1, 2],
        [0, 1],
        [1, 2],
        [2, 0],
      ].map((s) => Uint32Array.from(s)),
    }
    const g = [
      [3 + RIDGE, 2, 2],
      [2, 3 + RIDGE, 2],
      [2, 2, 3 + RIDGE],
    ]
    const p = invertPlainly(g)
    const found = easeSparse(whole, { ridge: RIDGE, limit: 3, support: 3 })
    for (const [i, row] of p.entries())
      for (const [to, weight] of entries(found, i)) expect(weight).toBeCloseTo(-row[to!]! / p[to!]![to!]!, 6)
  })
})

describe('the inverse by blocks', () => {
  it('times the matrix is one, for any size of block', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        async (n, block, salt) => {
          const b = Float64Array.from({ length: n * n }, (_, at) => Math.sin(at * 12.9898 + salt))
          const a = Array.from({ length: n }, (_, i) =>
            Array.from({ length: n }, (_, j) => {
              let sum = i === j ? n : 0
              for (let k = 0; k < n; k++) sum += b[i * n + k]! * b[j * n + k]!
              return sum
            }),
          )
          const inverse = Float32Array.from(a.flat())
          await invertInPlace(inverse, n, { threads: 1, block })
          for (let i = 0; i < n; i++)
            for (let j = 0; j < n; j++) {
              let sum = 0
              for (let k = 0; k < n; k++) sum += a[i]![k]! * inverse[k * n + j]!
              expect(sum).toBeCloseTo(i === j ? 1 : 0, 3)
            }
        },
      ),
      { seed: 3, numRuns: 25 },
    )
  })
})
