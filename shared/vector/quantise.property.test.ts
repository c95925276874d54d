import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dequantise, dotRows, quantiseItem, quantiseQuery } from './quantise.ts'

const DIM = 64
const vector = fc
  .array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: DIM, maxLength: DIM })
  .map((values) => Float32Array.from(values))

describe('quantised vectors', () => {
  it('come back within half a step of the item scale', () => {
    fc.assert(
      fc.property(vector, (x) => {
        const { codes, scale } = quantiseItem(x)
        dequantise(codes, 0, DIM, scale).forEach((value, i) => {
          expect(Math.abs(value - x[i]!)).toBeLessThanOrEqual(scale / 2 + 1e-6)
        })
      }),
      { seed: 1 },
    )
  })
  it('give the dot products of any number of items within the sum of the rounding errors', () => {
    fc.assert(
      fc.property(fc.array(vector, { maxLength: 9 }), vector, (xs, y) => {
        const items = xs.map(quantiseItem)
        const query = quantiseQuery(y)
        const codes = Uint8Array.from(items.flatMap((item) => [...item.codes]))
        const scales = Float32Array.from(items, ({ scale }) => scale)
        const dots = new Float32Array(xs.length)
        dotRows(codes, scales, xs.length, query, dots)
        const l1 = (v: Float32Array) => v.reduce((sum, value) => sum + Math.abs(value), 0)
        xs.forEach((x, row) => {
          const exact = x.reduce((sum, value, i) => sum + value * y[i]!, 0)
          const { scale } = items[row]!
          // |x̂·ŷ − x·y| ≤ ½s_x‖y‖₁ + ½s_y‖x‖₁ + ¼·dim·s_x·s_y
          const bound = (scale * l1(y) + query.scale * l1(x)) / 2 + (DIM * scale * query.scale) / 4
          expect(Math.abs(dots[row]! - exact)).toBeLessThanOrEqual(bound + 1e-5)
        })
      }),
      { seed: 2 },
    )
  })
})
