import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { histogramOf, watchedParameters } from './histogram.ts'
import { layOut } from './parameters.ts'

const tensor = fc.float32Array({ minLength: 1, maxLength: 200, noNaN: true, noDefaultInfinity: true })
/** Tensors of a model are far from the ends of f32, where a sum of squares would leave f64 too. */
const sane = tensor.map((values) => values.map((value) => Math.max(-1e6, Math.min(1e6, value))))

describe('a histogram', () => {
  it('counts every number once, between its least and its greatest', () => {
    fc.assert(
      fc.property(sane, (values) => {
        const { min, max, count, sum, buckets } = histogramOf(values)
        expect(count).toBe(values.length)
        expect(buckets.reduce((total, one) => total + one, 0)).toBe(values.length)
        expect([min, max]).toEqual([Math.min(...values), Math.max(...values)])
        expect(sum).toBeCloseTo(
          values.reduce((total, one) => total + one, 0),
          3,
        )
        // The greatest number belongs to the last bucket, also where all are equal.
        if (min < max) expect(buckets.at(-1)).toBeGreaterThan(0)
      }),
    )
  })
})

describe('the tensors that are watched', () => {
  it('are few, different, weights only, with the first and the last of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), (layers) => {
        const names = Array.from({ length: layers }, (_, at) => [`layer.${at}.weight`, `layer.${at}.bias`])
        const layout = layOut(names.flat().map((name) => [name, [2]]))
        const watched = watchedParameters(layout).map(({ name }) => name)
        expect(watched.length).toBe(Math.min(8, layers))
        expect(new Set(watched).size).toBe(watched.length)
        expect(watched.every((name) => name.endsWith('weight'))).toBe(true)
        expect([watched[0], watched.at(-1)]).toEqual(['layer.0.weight', `layer.${layers - 1}.weight`])
      }),
    )
  })
})
