import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dequantise, dotQuantised, quantiseItem, quantiseQuery } from './quantise.ts'

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
  it('give the dot product within the sum of the rounding errors', () => {
    fc.assert(
      fc.property(vector, vector, (x, y) => {
        const item = quantiseItem(x)
        const query = quantiseQuery(y)
        const exact = x.reduce((sum, value, i) => sum + value * y[i]!, 0)
        const l1 = (v: Float32Array) => v.reduce((sum, value) => sum + Math.abs(value), 0)
        // |x̂·ŷ − x·y| ≤ ½s_x‖y‖₁ + ½s_y‖x‖₁ + ¼·dim·s_x·s_y
        const bound = (item.scale * l1(y) + query.scale * l1(x)) / 2 + (DIM * item.scale * query.scale) / 4
        expect(Math.abs(dotQuantised(item.codes, 0, item.scale, query) - exact)).toBeLessThanOrEqual(
          bound + 1e-5,
        )
      }),
      { seed: 2 },
    )
  })
})
