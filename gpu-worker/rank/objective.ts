/** @file The loss of the multi-task ranker on what was shown. */
import type { Value } from '../graph/builder.ts'
import type { Loss, Network } from '../train/network.ts'
import {
  emitLogProbabilities,
  emitMultiTask,
  type MultiTaskConfig,
  OUTCOMES,
  type Outcome,
} from './multi-task.ts'

/** Keeps ln(1 − p) finite where an outcome is sure. */
const SMALLEST = 1e-6

/**
 *   ỹ = y / θ(position)        loss = Σ_task λ · mean of −[ỹ ln p + (1 − ỹ) ln(1 − p)]
 *
 * In expectation that is the loss on what would have come if everything had been looked at: E[y | wanted] = θ · wanted.
 *
 * Inputs: `rows` f32[batch, features]; `click`, `cart`, `purchase` f32[batch, 1], ỹ of each task.
 * Source: inverse propensity for clicks, Joachims, Swaminathan, Schnabel, WSDM 2017; pointwise, Saito et al., WSDM 2020.
 */
export function emitRankLoss(
  net: Network,
  config: MultiTaskConfig,
  batch: number,
  weights: Record<Outcome, number>,
): Loss {
  const { g } = net
  const rows = net.input('rows', 'f32', [batch, config.features])
  const likely = emitLogProbabilities(g, emitMultiTask(g, config, net.layers.parameter, rows))
  const lossOf = (outcome: Outcome): Value => {
    const label = net.input(outcome, 'f32', [batch, 1])
    const yes = likely[outcome]
    const no = g.log(g.max(g.sub(g.scalar(1), g.exp(yes)), g.scalar(SMALLEST)))
    const nats = g.neg(g.add(g.mul(label, yes), g.mul(g.sub(g.scalar(1), label), no)))
    return g.mul(g.reduceMean(nats, [0, 1]), g.scalar(weights[outcome]))
  }
  return { loss: OUTCOMES.map(lossOf).reduce((sum, loss) => g.add(sum, loss)) }
}
