/**
 * @file What comes of showing an item, as one network with three answers: click, cart, purchase. Each is asked under the
 * condition of the one before it, and the chain is learnt on everything that was shown, so that conversion is not learnt on
 * clicked items alone, which are other items than those to be ranked.
 *
 *   p(click) = σ(l₁)      p(cart) = p(click) · σ(l₂)      p(purchase) = p(cart) · σ(l₃)
 *
 * Source: Ma et al., ESMM, SIGIR 2018 (the chain over the entire space); Caruana 1997 (shared bottom); Ma et al., MMoE, KDD
 * 2018 (experts and a gate per task).
 */
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { RANK_OUTCOMES } from '../../shared/schema/objectives.ts'
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import type { CheckpointTensor } from '../model/safetensors.ts'

/** In the order of the chain. */
export const OUTCOMES = RANK_OUTCOMES
export type Outcome = (typeof OUTCOMES)[number]

export type MultiTaskConfig = {
  features: number
  /** One bottom for all tasks; or experts, of which each task's gate takes its own mixture. */
  kind: 'shared-bottom' | 'mmoe'
  /** Width of the bottom, or of each expert. */
  hidden: number
  /** Of `mmoe`. */
  experts: number
  /** Width of the layer that each task has for itself. */
  tower: number
}

type Parameter = { name: string; shape: readonly number[] }
export type Parameters = (name: string) => Value

const expertNames = ({ kind, experts }: MultiTaskConfig): string[] =>
  kind === 'mmoe' ? Array.from({ length: experts }, (_, expert) => `experts.${expert}`) : ['bottom']

/** Weights are [out, in]. */
export function multiTaskParameters(config: MultiTaskConfig): Parameter[] {
  const { features, kind, hidden, tower } = config
  const linear = (name: string, out: number, input: number): Parameter[] => [
    { name: `${name}.weight`, shape: [out, input] },
    { name: `${name}.bias`, shape: [out] },
  ]
  return [
    ...expertNames(config).flatMap((name) => linear(name, hidden, features)),
    ...OUTCOMES.flatMap((outcome) => [
      ...(kind === 'mmoe' ? linear(`gates.${outcome}`, config.experts, features) : []),
      ...linear(`towers.${outcome}.inner`, tower, hidden),
      ...linear(`towers.${outcome}.output`, 1, tower),
    ]),
  ]
}

/** He initialisation, for layers with ReLU behind them; biases start at 0. Source: He et al., ICCV 2015. */
export function initialParameters(config: MultiTaskConfig, seed: number): Map<string, CheckpointTensor> {
  const random = createRandom(seed)
  return new Map(
    multiTaskParameters(config).map(({ name, shape }) => {
      const spread = shape.length === 1 ? 0 : Math.sqrt(2 / shape[1]!)
      const count = shape.reduce((product, dim) => product * dim, 1)
      return [name, { shape, data: Float32Array.from({ length: count }, () => spread * gaussian(random)) }]
    }),
  )
}

/**
 * @param rows f32[n, features]
 * @returns    l₁, l₂, l₃, each f32[n, 1]
 */
export function emitMultiTask(
  g: Graph,
  config: MultiTaskConfig,
  parameter: Parameters,
  rows: Value,
): Record<Outcome, Value> {
  const linear = (x: Value, name: string) =>
    g.gemm(x, parameter(`${name}.weight`), parameter(`${name}.bias`), { transB: true })
  const experts = expertNames(config).map((name) => g.relu(linear(rows, name)))
  const mixtureFor = (outcome: Outcome): Value => {
    if (config.kind === 'shared-bottom') return experts[0]!
    // h = Σ_k softmax(G x)_k e_k
    const gate = g.softmax(linear(rows, `gates.${outcome}`))
    return experts
      .map((expert, at) => g.mul(expert, g.slice(gate, 1, at, at + 1)))
      .reduce((sum, expert) => g.add(sum, expert))
  }
  const logit = (outcome: Outcome) =>
    linear(g.relu(linear(mixtureFor(outcome), `towers.${outcome}.inner`)), `towers.${outcome}.output`)
  return { click: logit('click'), cart: logit('cart'), purchase: logit('purchase') }
}

/** ln p of each outcome, f32[n, 1], never above that of the outcome before it: ln σ(l) = −softplus(−l). */
export function emitLogProbabilities(g: Graph, logits: Record<Outcome, Value>): Record<Outcome, Value> {
  const logSigmoid = (logit: Value) => g.neg(g.softplus(g.neg(logit)))
  const click = logSigmoid(logits.click)
  const cart = g.add(click, logSigmoid(logits.cart))
  return { click, cart, purchase: g.add(cart, logSigmoid(logits.purchase)) }
}
