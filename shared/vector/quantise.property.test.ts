import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeSums, dequantise, dotRows, quantiseItem, quantiseQuery } from './quantise.ts'

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
  it('give dot products that are exact for the codes, at the largest codes too', () => {
    const extreme = fc
      .array(fc.constantFrom(-1, 1), { minLength: DIM, maxLength: DIM })
      .map((v) => Float32Array.from(v))
    fc.assert(
      fc.property(fc.oneof(extreme, vector), fc.oneof(extreme, vector), (x, y) => {
        const [item, other] = [quantiseItem(x), quantiseItem(y)]
        const dot = new Float32Array(1)
        const sums = codeSums(item.codes, DIM, 1)
        dotRows(item.codes, sums, Float32Array.of(item.scale), 1, quantiseQuery(y), dot)
        const exact = item.codes.reduce((sum, code, i) => sum + (code - 64) * (other.codes[i]! - 64), 0)
        expect(dot[0]).toBeCloseTo(exact * item.scale * other.scale, 4)
      }),
      { seed: 9 },
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
        dotRows(codes, codeSums(codes, DIM, xs.length), scales, xs.length, query, dots)
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
