import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { nodesOf } from '../../test/bench/onnx-nodes.ts'
import { openSession } from '../runtime/session.ts'
import { lowerForWebGpu } from './lower.ts'
import { createGraph } from './ops.ts'

const random = createRandom(3)
const matrix = (spread: number) => ({
  data: Float32Array.from({ length: 2 * 4 * 4 }, () => spread * gaussian(random)),
  dims: [2, 4, 4],
})

async function compute(isLowered: boolean, x: ReturnType<typeof matrix>, y: ReturnType<typeof matrix>) {
  const g = createGraph('case')
  const [a, b] = [g.input('x', 'f32', x.dims), g.input('y', 'f32', y.dims)]
  const products = [false, true].flatMap((transA) =>
    [false, true].map((transB) => g.fusedMatMul(a, b, { transA, transB, alpha: transA ? 0.5 : 1 })),
  )
  ;[...products, g.logSoftmax(a)].forEach((value, at) => {
    g.output(value, `out_${at}`)
  })
  if (isLowered) lowerForWebGpu(g)
  const model = g.toModel()
  const session = await openSession(model, { threads: 1 })
  const results = await session.run({ x, y })
  await session.close()
  return { ops: nodesOf(model).map(({ op }) => op), results }
}

describe('a graph for WebGPU', () => {
  it('computes the same without the operators that WebGPU lacks, large numbers included', async () => {
    const [x, y] = [matrix(200), matrix(1)] // e²⁰⁰ has no float32
    const whole = await compute(false, x, y)
    const lowered = await compute(true, x, y)
    expect(whole.ops).toEqual(expect.arrayContaining(['FusedMatMul', 'LogSoftmax']))
    expect(lowered.ops).not.toEqual(expect.arrayContaining(['FusedMatMul']))
    expect(lowered.ops).not.toEqual(expect.arrayContaining(['LogSoftmax']))
    for (const [name, { data }] of Object.entries(whole.results))
      data.forEach((value, at) => {
        expect(Math.abs(lowered.results[name]!.data[at]! - value)).toBeLessThan(1e-5 * (1 + Math.abs(value)))
      })
  })
})
