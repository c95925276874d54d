/** Gradients equal PyTorch's. The golden files come from `torch/make_goldens.py`; these tests need no PyTorch. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { backward } from '../../gpu-worker/autodiff/backward.ts'
import { evaluate, type Tensor64 } from '../../gpu-worker/autodiff/reference-evaluator.ts'
import { vjpRules } from '../../gpu-worker/autodiff/rules.ts'
import type { Value } from '../../gpu-worker/graph/builder.ts'
import { createGraph, type Graph } from '../../gpu-worker/graph/ops.ts'
import { BertConfig } from '../../gpu-worker/model/config.ts'
import { type CheckpointTensor, decodeSafetensors } from '../../gpu-worker/model/safetensors.ts'
import { Tuning } from '../../gpu-worker/model/tuning.ts'
import { openSession, type Tensor } from '../../gpu-worker/runtime/session.ts'
import type { EmitLoss } from '../../gpu-worker/train/network.ts'
import { emitClassification } from '../../gpu-worker/train/objectives/classify.ts'
import { emitContrastive } from '../../gpu-worker/train/objectives/contrastive.ts'
import { emitMlm } from '../../gpu-worker/train/objectives/mlm.ts'
import { buildStepModel } from '../../gpu-worker/train/step-model.ts'

const GOLDEN = join(import.meta.dirname, 'torch')

type Packed = { shape: number[]; data: number[] }
type OpCase = {
  inputs: Record<string, Packed>
  ids: Record<string, Packed>
  r: Packed
  y: Packed
  gradients: Record<string, Packed>
}
const ops = JSON.parse(readFileSync(join(GOLDEN, 'ops.json'), 'utf8')) as Record<string, OpCase>

/** The same functions as in the script. */
const builds: Record<string, (g: Graph, ...v: Value[]) => Value> = {
  Add: (g, x, y) => g.add(x!, y!),
  Sub: (g, x, y) => g.sub(x!, y!),
  Mul: (g, x, y) => g.mul(x!, y!),
  Div: (g, x, y) => g.div(x!, y!),
  Max: (g, x, y) => g.max(x!, y!),
  Min: (g, x, y) => g.min(x!, y!),
  Neg: (g, x) => g.neg(x!),
  Abs: (g, x) => g.abs(x!),
  Sqrt: (g, x) => g.sqrt(x!),
  Exp: (g, x) => g.exp(x!),
  Log: (g, x) => g.log(x!),
  Erf: (g, x) => g.erf(x!),
  Tanh: (g, x) => g.tanh(x!),
  Sigmoid: (g, x) => g.sigmoid(x!),
  Softplus: (g, x) => g.softplus(x!),
  Relu: (g, x) => g.relu(x!),
  Gelu: (g, x) => g.gelu(x!),
  Cast: (g, x) => g.toFloat(x!),
  Reshape: (g, x) => g.reshape(x!, [3, 2]),
  Expand: (g, x) => g.expand(x!, [4, 2, 5, 3]),
  Transpose: (g, x) => g.transpose(x!, [2, 0, 1]),
  Slice: (g, x) => g.slice(x!, 1, 1, 3),
  Pad: (g, x) => g.pad(x!, 0, 2, 1),
  Split: (g, x) => {
    const [a, , c] = g.splitLast(x!, 3)
    return g.mul(a!, c!)
  },
  Concat: (g, x, y) => g.concat([x!, y!, x!], 1),
  Gather: (g, table, ids) => g.gatherRows(table!, ids!),
  GatherElements: (g, x, columns) => g.gatherColumns(x!, columns!),
  MatMul: (g, x, y) => g.matMul(x!, y!),
  FusedMatMul: (g, x, y) => g.fusedMatMul(x!, y!, { transA: true, transB: true, alpha: 0.5 }),
  Gemm: (g, x, y, c) => g.gemm(x!, y!, c!, { transB: true, alpha: 0.5 }),
  ReduceSum: (g, x) => g.reduceSum(x!, -1),
  ReduceMean: (g, x) => g.reduceMean(x!, 0),
  Softmax: (g, x) => g.softmax(x!),
  LogSoftmax: (g, x) => g.logSoftmax(x!),
  LpNormalization: (g, x) => g.l2Normalise(x!),
  LayerNormalization: (g, x, weight, bias) => g.layerNorm(x!, weight!, bias!, 1e-6),
}

/** ‖a − b‖ / ‖b‖ */
function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0
  let size = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2
    size += b[i]! ** 2
  }
  return Math.sqrt(difference / size)
}

describe('each operator and its pullback, in float64, equals PyTorch', () => {
  it('is there for every rule', () => {
    expect(Object.keys(ops)).toEqual(expect.arrayContaining(Object.keys(vjpRules)))
  })

  it.each(Object.entries(ops))('%s', (op, { inputs, ids, r, y, gradients }) => {
    const g = createGraph(op)
    const wrt = Object.entries(inputs).map(([name, { shape }]) => g.input(name, 'f32', shape))
    const others = Object.entries(ids).map(([name, { shape }]) => g.input(name, 'i64', shape))
    const result = builds[op]!(g, ...wrt, ...others)
    const weighted = g.mul(result, g.input('r', 'f32', r.shape))
    const loss = g.reduceSum(
      weighted,
      r.shape.map((_, axis) => axis),
    )
    const wanted = [result, ...backward(g, loss, wrt)]
    const feeds = Object.fromEntries(
      Object.entries({ ...inputs, ...ids, r }).map(([name, { shape, data }]): [string, Tensor64] => [
        name,
        { shape, data: Float64Array.from(data) },
      ]),
    )
    const [found, ...foundGradients] = evaluate(g, feeds, wanted)
    expect(found!.shape).toEqual(y.shape)
    expect(relativeDistance(found!.data, y.data)).toBeLessThan(1e-9)
    wrt.forEach(({ name }, at) => {
      // Constants of a graph are float32: 2/√π is known to 6e-8.
      expect(relativeDistance(foundGradients[at]!.data, gradients[name]!.data)).toBeLessThan(1e-7)
    })
  })
})

const config = BertConfig.parse({
  vocab_size: 32,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 16,
})

function read(name: string): Map<string, CheckpointTensor> {
  const decoded = decodeSafetensors(readFileSync(join(GOLDEN, `${name}.safetensors`)))
  if (!decoded.ok) throw new Error(decoded.error)
  return decoded.value
}
const INTEGERS = /_ids$|_types$|^places$|^labels$/

const contrastive: EmitLoss = (net) =>
  emitContrastive(
    net,
    { pairs: 3, querySeq: 4, documentSeq: 8, hardNegatives: 1 },
    { pooling: 'mean', temperature: 0.1, margin: 0.05 },
  )
const full = Tuning.parse({ kind: 'full' })
const lowRank = { rank: 2, alpha: 6 }
const models: { name: string; tuning: Tuning; emit: EmitLoss }[] = [
  { name: 'mlm', tuning: full, emit: (net) => emitMlm(net, { batch: 4, seq: 8, places: 7 }) },
  { name: 'contrastive', tuning: full, emit: contrastive },
  {
    name: 'classification',
    tuning: full,
    emit: (net) => emitClassification(net, { batch: 4, seq: 8, isPair: true }, 'cls'),
  },
  { name: 'lora', tuning: Tuning.parse({ kind: 'lora', ...lowRank }), emit: contrastive },
  {
    name: 'adalora',
    tuning: Tuning.parse({ kind: 'adalora', ...lowRank, orthogonality: 0.1 }),
    emit: contrastive,
  },
  { name: 'adapter', tuning: Tuning.parse({ kind: 'adapter', size: 3 }), emit: contrastive },
]

describe('gradients of whole models, by ONNX Runtime in float32, equal PyTorch', () => {
  it.each(models)('$name', async ({ name, tuning, emit }) => {
    const golden = read(name)
    const section = (prefix: string) =>
      new Map(
        [...golden].flatMap(([key, t]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), t]] : [])),
      )
    const batch = section('batch/')
    const expected = section('gradient/')
    const tensors = new Map([...read('base'), ...section('extra/')])
    const trained = new Map(
      [...tensors].filter(([key]) => expected.has(key)).map(([key, t]) => [key, t.shape]),
    )
    const step = buildStepModel(config, { trained, frozen: tensors, tuning, dropout: 0 }, emit)

    const feeds: Record<string, Tensor> = {}
    for (const [key, { shape, data }] of batch)
      feeds[key] = INTEGERS.test(key)
        ? { data: BigInt64Array.from(data, BigInt), dims: shape }
        : { data, dims: shape }
    for (const key of step.inputs)
      feeds[key] = { data: tensors.get(key)!.data, dims: tensors.get(key)!.shape }
    const session = await openSession(step.model, { threads: 1 })
    const results = await session.run(feeds)
    await session.close()

    expect(results.loss!.data[0]).toBeCloseTo(golden.get('loss')!.data[0]!, 5)
    const found = new Map(step.gradients.map((key) => [key, results[`gradient/${key}`]!.data]))
    for (const { table, ids, output } of step.rows) {
      const { shape } = tensors.get(table)!
      const sums = found.get(table) ?? new Float32Array(shape[0]! * shape[1]!)
      const width = shape[1]!
      batch.get(ids)!.data.forEach((row, at) => {
        for (let i = 0; i < width; i++) sums[row * width + i]! += results[output]!.data[at * width + i]!
      })
      found.set(table, sums)
    }
    expect(new Set(found.keys())).toEqual(new Set(expected.keys()))
    const all = (values: Iterable<ArrayLike<number>>) => Array.from(values, (one) => Array.from(one)).flat()
    const keys = [...expected.keys()]
    expect(
      relativeDistance(
        all(keys.map((key) => found.get(key)!)),
        all(keys.map((key) => expected.get(key)!.data)),
      ),
    ).toBeLessThan(1e-5)
  })
})
