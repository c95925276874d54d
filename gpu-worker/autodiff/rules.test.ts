import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import type { Value } from '../graph/builder.ts'
import { createGraph, type Graph } from '../graph/ops.ts'
import { openSession, type Tensor } from '../runtime/session.ts'
import { backward } from './backward.ts'
import { evaluate, type Tensor64 } from './reference-evaluator.ts'
import { vjpRules } from './rules.ts'

/** Central differences with h = 1e-5 are good to about h² = 1e-10 relative, plus 1e-16 / h of rounding. */
const STEP = 1e-5
const TOLERANCE = 1e-7

type Case = {
  /** The operator whose rule is checked. */
  op: string
  inputs: Record<string, readonly number[]>
  /** i64 inputs: the numbers themselves. */
  ids?: Record<string, { shape: readonly number[]; data: readonly number[] }>
  /** Move the inputs away from where the function has a kink or no value. */
  domain?: (x: number) => number
  build(g: Graph, v: Record<string, Value>): Value
}

const positive = (x: number) => 0.5 + Math.abs(x)
const awayFromZero = (x: number) => x + 0.3 * Math.sign(x)
const unary = (op: string, build: (g: Graph, x: Value) => Value, domain?: Case['domain']): Case => ({
  op,
  inputs: { x: [2, 3] },
  build: (g, { x }) => build(g, x!),
  ...(domain ? { domain } : {}),
})
const binary = (op: 'Add' | 'Sub' | 'Mul' | 'Div' | 'Max' | 'Min', domain?: Case['domain']): Case[] => {
  const name = op.toLowerCase() as 'add'
  const build: Case['build'] = (g, { x, y }) => g[name](x!, y!)
  const shapes: [number[], number[]][] = [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [
      [2, 1],
      [4, 1, 3],
    ],
    [[], [2, 2]],
  ]
  return shapes.map(([x, y]) => ({ op, inputs: { x, y }, build, ...(domain ? { domain } : {}) }))
}
const transposes = [
  { transA: false, transB: false },
  { transA: true, transB: false },
  { transA: false, transB: true },
  { transA: true, transB: true },
]

const cases: Case[] = [
  ...binary('Add'),
  ...binary('Sub'),
  ...binary('Mul'),
  ...binary('Div', awayFromZero),
  ...binary('Max'),
  ...binary('Min'),
  unary('Neg', (g, x) => g.neg(x)),
  unary('Abs', (g, x) => g.abs(x), awayFromZero),
  unary('Sqrt', (g, x) => g.sqrt(x), positive),
  unary('Exp', (g, x) => g.exp(x)),
  unary('Log', (g, x) => g.log(x), positive),
  unary('Erf', (g, x) => g.erf(x)),
  unary('Tanh', (g, x) => g.tanh(x)),
  unary('Sigmoid', (g, x) => g.sigmoid(x)),
  unary('Softplus', (g, x) => g.softplus(x)),
  unary('Relu', (g, x) => g.relu(x), awayFromZero),
  unary(
    'Gelu',
    (g, x) => g.gelu(x),
    (x) => 3 * x,
  ),
  unary('Cast', (g, x) => g.toFloat(x)),
  unary('Reshape', (g, x) => g.reshape(x, [3, 2])),
  unary('Expand', (g, x) => g.expand(g.reshape(x, [2, 1, 3]), [4, 2, 5, 3])),
  unary('Transpose', (g, x) => g.transpose(g.reshape(x, [1, 2, 3]), [2, 0, 1])),
  unary('Slice', (g, x) => g.slice(x, -1, 1, 3)),
  unary('Concat', (g, x) => g.pad(x, 0, 2, 1)),
  unary('Split', (g, x) => {
    const [a, , c] = g.splitLast(x, 3)
    return g.mul(a!, c!) // the middle part is used by nobody
  }),
  {
    op: 'Concat',
    inputs: { x: [2, 3], y: [2, 1] },
    build: (g, { x, y }) => g.concat([x!, y!, x!], 1),
  },
  {
    op: 'Gather',
    inputs: { table: [4, 3] },
    ids: { ids: { shape: [2, 3], data: [1, 3, 1, 1, 0, 3] } },
    build: (g, { table, ids }) => g.gatherRows(table!, ids!),
  },
  {
    op: 'GatherElements',
    inputs: { x: [3, 4] },
    ids: { columns: { shape: [3, 2], data: [1, 1, 0, 3, 2, 0] } },
    build: (g, { x, columns }) => g.gatherColumns(x!, columns!),
  },
  { op: 'MatMul', inputs: { x: [2, 3], y: [3, 4] }, build: (g, { x, y }) => g.matMul(x!, y!) },
  { op: 'MatMul', inputs: { x: [5, 2, 3], y: [3, 4] }, build: (g, { x, y }) => g.matMul(x!, y!) },
  { op: 'MatMul', inputs: { x: [2, 1, 2, 3], y: [5, 3, 4] }, build: (g, { x, y }) => g.matMul(x!, y!) },
  ...transposes.flatMap((options): Case[] => {
    const x = options.transA ? [3, 2] : [2, 3]
    const y = options.transB ? [4, 3] : [3, 4]
    const scaled = { ...options, alpha: 0.7 }
    return [
      {
        op: 'FusedMatMul',
        inputs: { x: [2, ...x], y: [2, ...y] },
        build: (g, v) => g.fusedMatMul(v.x!, v.y!, scaled),
      },
      { op: 'Gemm', inputs: { x, y }, build: (g, v) => g.gemm(v.x!, v.y!, null, scaled) },
      { op: 'Gemm', inputs: { x, y, c: [4] }, build: (g, v) => g.gemm(v.x!, v.y!, v.c!, scaled) },
    ]
  }),
  unary('ReduceSum', (g, x) => g.reduceSum(x, -1)),
  unary('ReduceSum', (g, x) => g.reduceSum(x, [0, 1])),
  unary('ReduceMean', (g, x) => g.reduceMean(x, 0)),
  unary('Softmax', (g, x) => g.softmax(x)),
  unary('LogSoftmax', (g, x) => g.logSoftmax(x)),
  unary('Div', (g, x) => g.l2Normalise(x)),
  {
    op: 'LayerNormalization',
    inputs: { x: [2, 3, 4], weight: [4], bias: [4] },
    build: (g, { x, weight, bias }) => g.layerNorm(x!, weight!, bias!, 1e-6),
  },
]

/** The graph of Σ y ⊙ r for a fixed random r, so that every element of y counts differently. */
function arrange({ inputs, ids = {}, domain = (x) => x, build }: Case) {
  const random = createRandom(7)
  const draw = (shape: readonly number[]): Tensor64 => {
    const count = shape.reduce((product, dim) => product * dim, 1)
    return { shape, data: Float64Array.from({ length: count }, () => domain(gaussian(random))) }
  }
  const g = createGraph('case')
  const feeds: Record<string, Tensor64> = {}
  const values: Record<string, Value> = {}
  for (const [name, shape] of Object.entries(inputs)) {
    values[name] = g.input(name, 'f32', shape)
    feeds[name] = draw(shape)
  }
  for (const [name, { shape, data }] of Object.entries(ids)) {
    values[name] = g.input(name, 'i64', shape)
    feeds[name] = { shape, data: Float64Array.from(data) }
  }
  const y = build(g, values)
  const weights = draw(y.shape as readonly number[])
  const r = g.input('r', 'f32', y.shape)
  feeds.r = weights
  const loss = g.reduceSum(
    g.mul(y, r),
    y.shape.map((_, axis) => axis),
  )
  const wrt = Object.keys(inputs).map((name) => values[name]!)
  return { g, feeds, y, loss, wrt, gradients: backward(g, loss, wrt) }
}

const total = ({ data }: Tensor64): number => data.reduce((sum, value) => sum + value, 0)

describe('each pullback equals central differences in float64', () => {
  it.each(cases.map((one, at) => [`${one.op} (${at})`, one] as const))('%s', (_name, one) => {
    const { g, feeds, loss, wrt, gradients } = arrange(one)
    const found = evaluate(g, feeds, gradients)
    wrt.forEach((value, at) => {
      const input = feeds[value.name]!
      input.data.forEach((centre, element) => {
        const lossAt = (x: number) => {
          const data = input.data.with(element, x)
          return total(evaluate(g, { ...feeds, [value.name]: { ...input, data } }, [loss])[0]!)
        }
        const slope = (lossAt(centre + STEP) - lossAt(centre - STEP)) / (2 * STEP)
        expect(Math.abs(found[at]!.data[element]! - slope)).toBeLessThan(TOLERANCE * (1 + Math.abs(slope)))
      })
    })
  })

  it('and no rule is left without a case', () => {
    expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(vjpRules)))
  })
})

describe('ONNX Runtime computes what the reference evaluator computes', () => {
  it.each(cases.map((one, at) => [`${one.op} (${at})`, one] as const))('%s', async (_name, one) => {
    const { g, feeds, y, gradients } = arrange(one)
    const wanted = [y, ...gradients]
    const outputs = wanted.map((value, at) => {
      const named = g.add(g.reshape(value, value.shape), g.scalar(0)) // one value may be asked for twice
      g.output(named, `out_${at}`)
      return named
    })
    const expected = evaluate(g, feeds, outputs)
    const session = await openSession(g.toModel(), { threads: 1 })
    const given = Object.fromEntries(
      Object.entries(feeds).map(([name, { shape, data }]): [string, Tensor] => [
        name,
        one.ids?.[name]
          ? { data: BigInt64Array.from(data, BigInt), dims: shape }
          : { data: Float32Array.from(data), dims: shape },
      ]),
    )
    const results = await session.run(given)
    outputs.forEach((_, at) => {
      const { data } = results[`out_${at}`]!
      expect(data.length).toBe(expected[at]!.data.length)
      data.forEach((value, element) => {
        const wantedValue = expected[at]!.data[element]!
        expect(Math.abs(value - wantedValue)).toBeLessThan(2e-5 * (1 + Math.abs(wantedValue)))
      })
    })
    await session.close()
  })
})
