import { describe, expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { nodesOf } from '../../test/bench/onnx-nodes.ts'
import { mlmHeadSpecs } from '../model/heads.ts'
import { createSeededCheckpoint, initialValues } from '../model/seeded.ts'
import { DROPOUT_NUMBERS } from '../model/trainable.ts'
import { type Tuning, tuningSpecs } from '../model/tuning.ts'
import { ADAMW_DEFAULTS, type AdamWState } from './adamw.ts'
import { buildBufferModel } from './buffer-plan.ts'
import { createCpuPlan } from './cpu-plan.ts'
import { createContrastiveTask } from './data/contrastive-task.ts'
import { createMlmTask } from './data/mlm-task.ts'
import { buildLoopModel, createLoopPlan } from './loop-plan.ts'
import { flatten, layOut, type ParameterLayout } from './parameters.ts'
import type { Plan, PlanOptions, Step, StepOutcome } from './plan.ts'
import { groupsOf } from './resident-step.ts'

const vocabulary = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...'red green blue small large round square cable lamp chair table pen ##s ##er'.split(' '),
]
const texts = [
  ...['red lamp', 'blue lamps', 'small round table', 'large square table', 'green chair', 'red pens'],
  'small red lamp large blue table green round square chair',
]
const base = createSeededCheckpoint({
  vocabulary,
  seed: 3,
  layers: 1,
  hidden: 16,
  heads: 2,
  positions: 16,
  toTrain: true,
})
const tokenizer = createWordPiece(base)
const tensorsOf = (tuning: Tuning) => {
  const random = createRandom(1)
  return new Map([
    ...base.tensors,
    ...[...mlmHeadSpecs(base.config), ...tuningSpecs(base.config, tuning)].map(({ name, shape, initial }) => {
      const count = shape.reduce((product, dim) => product * dim, 1)
      return [name, { shape, data: initialValues(initial, count, random) }] as const
    }),
  ])
}
const full: Tuning = { kind: 'full' }
const tensors = tensorsOf(full)
const layout = layOut([...tensors].map(([name, { shape }]) => [name, shape]))

/** Masked words and pairs in every step; the lengths of the texts make steps of more than one shape. */
const tasks = [
  createMlmTask({
    texts: texts.map((text) => tokenizer.encode(text, 16)),
    tokenizer,
    vocabulary,
    batchTokens: 24,
    maxTokens: 16,
    weight: 1,
    seed: 5,
  }),
  createContrastiveTask({
    name: 'pairs',
    count: texts.length,
    pairOf: (at) => ({
      query: texts[at]!,
      document: texts[(at + 1) % texts.length]!,
      weight: 1,
      negatives: [],
      isRelevant: () => false,
    }),
    tokenizer,
    pairs: 3,
    hardNegatives: 1,
    maxQueryTokens: 16,
    maxDocumentTokens: 16,
    pooling: 'mean',
    temperature: 0.05,
    margin: 0.1,
    weight: 0.5,
    seed: 6,
  }),
]
const steps: Step[] = Array.from({ length: 4 }, (_, at) => ({
  number: at + 1,
  rate: 0.002 * (at + 1),
  parts: tasks.map(({ weight, batchAt }) => ({ batch: batchAt(at), weight, seed: at })),
}))
const settings: PlanOptions = {
  frozen: tensors,
  tuning: full,
  dropout: 0,
  adamW: { ...ADAMW_DEFAULTS, weightDecay: 0.1 },
  clipNorm: Number.POSITIVE_INFINITY,
  threads: 1,
  seed: 9,
}

type Run = { state: AdamWState; outcomes: StepOutcome[] }
/** Makes the steps, so many per call. */
async function runPlan(
  plan: Plan,
  own: ParameterLayout,
  start: typeof tensors,
  perCall: number,
): Promise<Run> {
  const state = {
    parameters: flatten(own, start),
    first: new Float32Array(own.size),
    second: new Float32Array(own.size),
  }
  await plan.begin(state)
  const outcomes: StepOutcome[] = []
  for (let from = 0; from < steps.length; from += perCall)
    outcomes.push(...(await plan.advance(steps.slice(from, from + perCall))))
  await plan.sync()
  await plan.close()
  return { state, outcomes }
}
const runLoop = (options: PlanOptions, perCall: number, own = layout, start = tensors) =>
  runPlan(createLoopPlan(base.config, own, { ...options, provider: 'cpu' }), own, start, perCall)

/** ‖a − b‖ / ‖b‖ */
const distance = (a: Float32Array, b: Float32Array): number =>
  Math.hypot(...a.map((value, at) => value - b[at]!)) / Math.hypot(...b)

/**
 * The plan of the CPU computes AdamW in float64 and rounds at the end, the graph in float32: a relative 1e-7 for each step.
 * The bias of a key moves no attention weight: its gradient is rounding noise, which AdamW blows up to whole steps.
 */
function expectSame(loop: Run, cpu: Run, own: ParameterLayout): void {
  loop.outcomes.forEach(({ loss, gradientNorm, parts }, at) => {
    const expected = cpu.outcomes[at]!
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-5)
    expect(Math.abs(gradientNorm / expected.gradientNorm - 1)).toBeLessThan(1e-4)
    expect(parts.map(({ shown }) => Object.keys(shown))).toEqual([['nats'], ['cosines']])
    parts.forEach(({ shown }, part) => {
      for (const [name, { dims }] of Object.entries(shown))
        expect(dims).toEqual(expected.parts[part]!.shown[name]!.dims)
    })
  })
  for (const { name, offset, count } of own.parameters) {
    if (name.endsWith('key.bias')) continue
    const of = ({ state }: Run) => state.parameters.subarray(offset, offset + count)
    expect(distance(of(loop), of(cpu)), name).toBeLessThan(1e-4)
  }
}

describe('steps in a loop', () => {
  it('are, bit for bit, the same steps one by one', async () => {
    const options = { ...settings, clipNorm: 0.5 }
    const together = await runLoop(options, steps.length)
    expect(together).toEqual(await runLoop(options, 1))
    expect(together.outcomes).toHaveLength(steps.length)
  })

  it.each([
    ['clipped', { clipNorm: 0.5 }],
    ['with dropout', { dropout: 0.1 }],
    ['against word vectors that hurt', { adversarial: { kind: 'fgm', epsilon: 0.1 } }],
  ] as [string, Partial<PlanOptions>][])('are the steps of the CPU plan, %s', async (_name, more) => {
    const options = { ...settings, ...more }
    const cpu = await runPlan(createCpuPlan(base.config, layout, options), layout, tensors, 1)
    expectSame(await runLoop(options, steps.length), cpu, layout)
  })

  it('train the low-rank part alone where that is asked for', async () => {
    const lora: Tuning = { kind: 'lora', rank: 2, alpha: 4, modules: ['query', 'value'] }
    const all = tensorsOf(lora)
    const own = layOut([...all].flatMap(([name, { shape }]) => (/lora_/.test(name) ? [[name, shape]] : [])))
    const options = { ...settings, tuning: lora, frozen: all }
    const cpu = await runPlan(createCpuPlan(base.config, own, options), own, all, 1)
    expectSame(await runLoop(options, steps.length, own, all), cpu, own)
  })

  it('decay weights, and neither biases nor norms', async () => {
    const plain = await runLoop({ ...settings, adamW: { ...settings.adamW, weightDecay: 0 } }, 1)
    const decayed = await runLoop(settings, 1)
    // Later steps feel the decay of the first through the gradient; m and v of step 1 do not exist yet.
    const first = (run: Run) => run.outcomes[0]
    expect(first(decayed)).toEqual(first(plain))
    expect(groupsOf(layout).map(({ decays, size }) => [decays, size])).toEqual([
      [true, layout.parameters.reduce((sum, { decays, count }) => sum + (decays ? count : 0), 0)],
      [false, layout.parameters.reduce((sum, { decays, count }) => sum + (decays ? 0 : count), 0)],
    ])
    const norm = ({ state }: Run) => Math.hypot(...state.parameters)
    expect(norm(decayed)).toBeLessThan(norm(plain))
  })
})

/**
 * Operators that ONNX Runtime's CUDA provider has a kernel for at opset 20, f32. One that is missing would be computed on the
 * host, with copies there and back in every step. Source: docs/OperatorKernels.md of ONNX Runtime, its CUDA section.
 */
const CUDA_KERNELS = new Set(
  `Abs Add Cast Concat Div Erf Exp Expand FusedMatMul Gather GatherElements Gelu Gemm Greater HardSigmoid Identity
   LayerNormalization Log LogSoftmax Loop MatMul Max Min Mul Neg Range ReduceMean ReduceSum ReduceSumSquare Relu Reshape
   ScatterElements Sigmoid Sign Slice Softmax Softplus Split Sqrt Sub Tanh Transpose`.split(/\s+/),
)

describe('the graph of a loop', () => {
  const pool = new Float32Array(DROPOUT_NUMBERS)
  const options: PlanOptions = {
    ...settings,
    dropout: 0.1,
    clipNorm: 1,
    adversarial: { kind: 'pgd', epsilon: 0.1, alpha: 0.1, steps: 2 },
  }
  it('has a CUDA kernel for every operator, so that nothing leaves the card within it', () => {
    const { model } = buildLoopModel(base.config, groupsOf(layout), options, steps[0]!, pool)
    const nodes = nodesOf(model)
    expect([...new Set(nodes.map(({ op }) => op))].filter((op) => !CUDA_KERNELS.has(op))).toEqual([])
    expect(nodes.filter(({ depth }) => depth === 0)).toEqual([{ op: 'Loop', depth: 0 }])
  })
  it('has, for WebGPU, neither a loop nor an operator that WebGPU lacks', () => {
    const { model } = buildBufferModel(base.config, groupsOf(layout), options, steps[0]!, pool)
    const ops = new Set(nodesOf(model).map(({ op }) => op))
    for (const op of ['Loop', 'FusedMatMul', 'LogSoftmax']) expect(ops.has(op), op).toBe(false)
  })
})
