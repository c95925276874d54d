/**
 * @file A whole step inside a graph: losses, gradients, clipping and AdamW, from one state to the next. The state never has
 * to leave the memory it is computed in. Whether the step runs in a loop or by itself is for the caller to say.
 */
import { backward } from '../autodiff/backward.ts'
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import type { BertConfig } from '../model/config.ts'
import { createTrainableLayers, DROPOUT_NUMBERS, type Resident } from '../model/trainable.ts'
import type { AdamWOptions, AdamWState } from './adamw.ts'
import { type Network, networkOn } from './network.ts'
import { type Parameter, type ParameterLayout, viewOf } from './parameters.ts'
import type { Part, PlanOptions, Step } from './plan.ts'
import { emitStepLoss } from './step-model.ts'

/**
 * Parameters that are treated alike lie side by side: the optimiser is a dozen operators for each group, not for each of
 * two hundred tensors.
 */
export type Group = {
  decays: boolean
  /** Offsets are those within the group. */
  parameters: readonly Parameter[]
  size: number
}

export function groupsOf({ parameters }: ParameterLayout): Group[] {
  return [true, false].flatMap((decays) => {
    let size = 0
    const members = parameters
      .filter((one) => one.decays === decays)
      .map((one) => {
        const offset = size
        size += one.count
        return { ...one, offset }
      })
    return size > 0 ? [{ decays, parameters: members, size }] : []
  })
}

const KINDS = ['parameters', 'first', 'second'] as const
/** The vectors of a state as a graph has them: for each group its parameters and both moments. */
export const stateVectors = (groups: readonly Group[]) =>
  groups.flatMap((group, at) => KINDS.map((kind) => ({ name: `${kind}/${at}`, kind, group })))

/** `packed` in the order of `stateVectors`. */
export function packState(
  layout: ParameterLayout,
  groups: readonly Group[],
  state: AdamWState,
): Float32Array[] {
  return stateVectors(groups).map(({ kind, group }) => {
    const vector = new Float32Array(group.size)
    for (const parameter of group.parameters)
      vector.set(viewOf(state[kind], layout.byName.get(parameter.name)!), parameter.offset)
    return vector
  })
}
export function unpackState(
  layout: ParameterLayout,
  groups: readonly Group[],
  packed: readonly Float32Array[],
  into: AdamWState,
): void {
  stateVectors(groups).forEach(({ kind, group }, at) => {
    for (const parameter of group.parameters)
      into[kind].set(viewOf(packed[at]!, parameter), layout.byName.get(parameter.name)!.offset)
  })
}

/** The graph of a step depends on this alone. */
export const shapeOf = ({ parts }: Step): string =>
  parts.map(({ batch, weight }) => `${batch.shape} × ${weight}`).join(' + ')
export const partName = (part: number): string => `part_${part}`

/** What a step needs to know of its place in the run, computed where there are 64 bits. */
export const STEP_NUMBERS = ['keep', 'stride', 'root'] as const
export type StepNumbers = Record<(typeof STEP_NUMBERS)[number], number>
export const stepNumbers = (
  { number, rate }: Step,
  { beta1, beta2, weightDecay }: AdamWOptions,
): StepNumbers => ({
  /** 1 − η λ */
  keep: 1 - rate * weightDecay,
  /** η / (1 − β₁ᵗ) */
  stride: rate / (1 - beta1 ** number),
  /** 1 / √(1 − β₂ᵗ) */
  root: 1 / Math.sqrt(1 - beta2 ** number),
})

export type ResidentInputs = {
  /** In the order of `stateVectors`. */
  state: readonly Value[]
  /** f32[] each. */
  numbers: Record<keyof StepNumbers, Value>
  /** An input of a part's batch. */
  batchInput(part: number, ...input: Parameters<Network['input']>): Value
  /** i64[sites], see `dropoutOffsets`. */
  dropoutOffsets(part: number): Value
  /** f32[DROPOUT_NUMBERS], needed where there is dropout. */
  dropoutPool: Float32Array | null
}
export type ResidentStep = {
  /** The state after the step, in the order of `stateVectors`. */
  state: Value[]
  /** f32[1]: ‖g‖ before clipping. */
  gradientNorm: Value
  parts: { loss: Value; shown: Readonly<Record<string, Value>>; dropoutSites: number }[]
}

export function emitResidentStep(
  g: Graph,
  { config, groups, options }: { config: BertConfig; groups: readonly Group[]; options: PlanOptions },
  parts: readonly Part[],
  inputs: ResidentInputs,
): ResidentStep {
  const tensors = emitTensors(g, groups, options, inputs)
  const trained = new Map(
    groups.flatMap(({ parameters }) => parameters.map(({ name, shape }) => [name, shape])),
  )
  const gradients = new Map<string, Value>()
  const made = parts.map(({ batch, weight }, part) => {
    const resident: Resident = { ...tensors, dropoutOffsets: () => inputs.dropoutOffsets(part) }
    const layers = createTrainableLayers(g, { ...options, trained }, resident)
    const net = networkOn(g, config, layers, (...input) => inputs.batchInput(part, ...input))
    const { loss, outputs, constants } = emitStepLoss(net, options, batch.emit)
    const names = [...layers.inputs.keys()]
    const wrt = names.map((name) => layers.inputs.get(name)!)
    backward(g, loss, wrt, { constants }).forEach((gradient, at) => {
      const weighted = weight === 1 ? gradient : g.mul(gradient, g.scalar(weight))
      const before = gradients.get(names[at]!)
      gradients.set(names[at]!, before ? g.add(before, weighted) : weighted)
    })
    return { loss, shown: outputs, dropoutSites: layers.dropoutSites() }
  })
  const flat = groups.map(({ parameters }) =>
    g.concat(
      parameters.map(({ name, count }) => {
        const gradient = gradients.get(name)
        return gradient ? g.reshape(gradient, [count]) : g.zeros([count])
      }),
      0,
    ),
  )
  const squares = flat.map((gradient) => g.reduceSumSquare(gradient, 0))
  const gradientNorm = g.sqrt(squares.reduce((sum, square) => g.add(sum, square)))
  const state = flat.flatMap((gradient, at) =>
    emitAdamW(
      g,
      inputs.state.slice(3 * at, 3 * at + 3) as [Value, Value, Value],
      emitClip(g, gradient, gradientNorm, options.clipNorm),
      groups[at]!.decays,
      inputs.numbers,
      options.adamW,
    ),
  )
  return { state, gradientNorm, parts: made }
}

/** Trained tensors are parts of the state, frozen ones constants; each stands in the graph once. */
function emitTensors(g: Graph, groups: readonly Group[], { frozen }: PlanOptions, inputs: ResidentInputs) {
  const values = new Map<string, Value>()
  const once = (name: string, make: () => Value): Value => {
    const value = values.get(name) ?? make()
    values.set(name, value)
    return value
  }
  groups.forEach(({ parameters }, at) => {
    for (const { name, offset, count, shape } of parameters)
      once(name, () => g.reshape(g.slice(inputs.state[3 * at]!, 0, offset, offset + count), shape))
  })
  return {
    tensor: (name: string) =>
      once(name, () => {
        const { shape, data } = frozen.get(name)!
        return g.initializer(name, 'f32', shape, data)
      }),
    dropoutPool: () => once('dropout pool', () => g.tensor([DROPOUT_NUMBERS], inputs.dropoutPool!)),
  }
}

/** g · c / max(‖g‖, c): the quotient is exactly 1 for a short gradient. */
const emitClip = (g: Graph, gradient: Value, norm: Value, clipNorm: number): Value =>
  Number.isFinite(clipNorm)
    ? g.mul(gradient, g.div(g.scalar(clipNorm), g.max(norm, g.scalar(clipNorm))))
    : gradient

/** As `adamW` says it, on f32. */
function emitAdamW(
  g: Graph,
  [parameters, first, second]: [Value, Value, Value],
  gradient: Value,
  decays: boolean,
  { keep, stride, root }: ResidentInputs['numbers'],
  { beta1, beta2, epsilon }: AdamWOptions,
): Value[] {
  const mean = g.add(g.mul(first, g.scalar(beta1)), g.mul(gradient, g.scalar(1 - beta1)))
  const square = g.add(g.mul(second, g.scalar(beta2)), g.mul(g.mul(gradient, gradient), g.scalar(1 - beta2)))
  const move = g.div(g.mul(mean, stride), g.add(g.mul(g.sqrt(square), root), g.scalar(epsilon)))
  const kept = decays ? g.mul(parameters, keep) : parameters
  return [g.sub(kept, move), mean, square]
}
