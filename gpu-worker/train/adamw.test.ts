import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ADAMW_DEFAULTS, adamW } from './adamw.ts'
import { layOut } from './parameters.ts'
import { rateAt } from './schedule.ts'

type Golden = {
  start: [number[], number[]]
  gradients: [number[], number[]][]
  rate: number
  decay: number
  after: [number[], number[]][]
}
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../test/conformance/torch/adamw.json'), 'utf8'),
) as Golden

describe('AdamW', () => {
  it('makes the steps of PyTorch, with decay on weights and none on biases', () => {
    const layout = layOut([
      ['weight', [6]],
      ['bias', [2]],
    ])
    const state = {
      parameters: Float32Array.from(golden.start.flat()),
      first: new Float32Array(8),
      second: new Float32Array(8),
    }
    golden.gradients.forEach((gradient, at) => {
      const settings = { rate: golden.rate, step: at + 1, scale: 1 }
      adamW(state, Float32Array.from(gradient.flat()), layout, settings, {
        ...ADAMW_DEFAULTS,
        weightDecay: golden.decay,
      })
      golden.after[at]!.flat().forEach((expected, index) => {
        expect(Math.abs(state.parameters[index]! - expected)).toBeLessThan(1e-6) // float32 against float64
      })
    })
  })

  it('scales the gradient as clipping asks', () => {
    const layout = layOut([['weight', [2]]])
    const start = () => ({
      parameters: Float32Array.of(1, -1),
      first: new Float32Array(2),
      second: new Float32Array(2),
    })
    const [clipped, small] = [start(), start()]
    const gradient = Float32Array.of(3, 4)
    adamW(clipped, gradient, layout, { rate: 0.1, step: 1, scale: 0.5 }, ADAMW_DEFAULTS)
    adamW(small, Float32Array.of(1.5, 2), layout, { rate: 0.1, step: 1, scale: 1 }, ADAMW_DEFAULTS)
    expect(clipped).toEqual(small)
  })
})

describe('the learning rate', () => {
  const schedule = { rate: 1, warmUpSteps: 10, steps: 110, floor: 0.1 }
  it('grows from the first step to the end of the warm-up', () => {
    const rates = [1, 5, 10].map((step) => rateAt({ ...schedule, kind: 'linear' }, step))
    expect(rates).toEqual([0.1, 0.5, 1])
  })
  it.each(['linear', 'cosine'] as const)('falls along a %s to the floor', (kind) => {
    const rates = Array.from({ length: 101 }, (_, at) => rateAt({ ...schedule, kind }, 10 + at))
    expect(rates[0]).toBeCloseTo(1)
    expect(rates[50]).toBeCloseTo(0.55)
    expect(rates[100]).toBeCloseTo(0.1)
    rates.slice(1).forEach((rate, at) => {
      expect(rate).toBeLessThanOrEqual(rates[at]!)
    })
  })
  it('stays where it is when it is constant', () => {
    expect(rateAt({ ...schedule, kind: 'constant' }, 110)).toBe(1)
  })
})
