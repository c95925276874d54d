/** @file The ONNX file of one training step: parameters and a batch in; loss, gradients and what an objective shows out. */
import { backward } from '../autodiff/backward.ts'
import type { Value } from '../graph/builder.ts'
import type { BertConfig } from '../model/config.ts'
import type { TrainableOptions } from '../model/trainable.ts'
import { loraNames, tunedModules } from '../model/tuning.ts'
import { type Adversarial, emitAdversarial } from './adversarial.ts'
import { createNetwork, type EmitLoss, type Network } from './network.ts'

export type StepModel = {
  model: Uint8Array<ArrayBuffer>
  /** Parameters that this step reads, each with an input of its name; `gradient/<name>` is an output for those of `gradients`. */
  inputs: string[]
  gradients: string[]
  /** Gradients of rows taken from a table: output `rows/<n>`, to be added to the rows that the input `ids` names. */
  rows: { table: string; ids: string; output: string }[]
  /** What the objective shows, as outputs `shown/<name>`. */
  shown: string[]
  dropoutSites: number
}
export type StepModelOptions = TrainableOptions & { adversarial?: Adversarial }

export const LOSS_OUTPUT = 'loss'

/** @param config of the encoder; null for a network that reads no texts */
export function buildStepModel(
  config: BertConfig | null,
  options: StepModelOptions,
  emit: EmitLoss,
): StepModel {
  const net = createNetwork(config, options)
  const { g, layers } = net
  const { loss, outputs, constants } = emitStepLoss(net, options, emit)

  // A table that is only looked up has its gradient in rows.
  const isRead = (value: Value) => g.nodes.some((node) => node.inputs.includes(value))
  const gradients = [...layers.inputs].filter(([, value]) => isRead(value)).map(([name]) => name)
  const wrt = [
    ...gradients.map((name) => layers.inputs.get(name)!),
    ...layers.lookUps.map(({ rows }) => rows),
  ]
  const found = backward(g, loss, wrt, { constants })
  const taken = new Set<Value>()
  const output = (value: Value, name: string) => {
    // Two outputs that are one value, or an input itself, need a node of their own.
    const isFree = g.nodes.some((node) => node.outputs.includes(value)) && !taken.has(value)
    const own = isFree ? value : g.emit('Identity', [value], value)
    taken.add(own)
    g.output(own, name)
  }
  output(loss, LOSS_OUTPUT)
  gradients.forEach((name, at) => {
    output(found[at]!, `gradient/${name}`)
  })
  const rows = layers.lookUps.map(({ table, ids }, at) => {
    output(found[gradients.length + at]!, `rows/${at}`)
    return { table, ids: ids.name, output: `rows/${at}` }
  })
  const shown = Object.entries(outputs)
  for (const [name, value] of shown) output(value, `shown/${name}`)
  return {
    model: g.toModel(),
    inputs: [...layers.inputs.keys()],
    gradients,
    rows,
    shown: shown.map(([name]) => name),
    dropoutSites: layers.dropoutSites(),
  }
}

/** The loss f32[1] of a batch with all that the settings add to an objective. */
export function emitStepLoss(
  net: Network,
  options: Pick<StepModelOptions, 'tuning' | 'adversarial'>,
  emit: EmitLoss,
) {
  const { g } = net
  const made = options.adversarial ? emitAdversarial(net, emit, options.adversarial) : emit(net)
  const loss = g.add(g.reshape(made.loss, [1]), emitRegulariser(net, options))
  return { loss, outputs: made.outputs ?? {}, constants: made.constants ?? [] }
}

/**
 * AdaLoRA's factors are to stay orthogonal, so that its singular values are that:
 *   γ Σ over modules (‖A Aᵀ − I‖² + ‖Bᵀ B − I‖²);   0 for every other tuning.
 */
function emitRegulariser(net: Network, { tuning }: Pick<StepModelOptions, 'tuning'>): Value {
  const { g, layers } = net
  let total = g.reshape(g.scalar(0), [1])
  if (tuning.kind !== 'adalora' || tuning.orthogonality === 0) return total
  const identity = new Float32Array(tuning.rank ** 2)
  for (let k = 0; k < tuning.rank; k++) identity[k * tuning.rank + k] = 1
  const unit = g.tensor([tuning.rank, tuning.rank], identity)
  const gap = (product: Value): Value => {
    const difference = g.sub(product, unit)
    return g.reshape(g.reduceSum(g.mul(difference, difference), [0, 1]), [1])
  }
  for (const { name } of tunedModules(net.config, tuning.modules)) {
    const names = loraNames(name)
    const a = layers.parameter(names.a)
    const b = layers.parameter(names.b)
    total = g.add(total, gap(g.gemm(a, a, null, { transB: true })))
    total = g.add(total, gap(g.gemm(b, b, null, { transA: true })))
  }
  return g.mul(total, g.scalar(tuning.orthogonality))
}
