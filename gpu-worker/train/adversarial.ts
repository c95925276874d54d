/**
 * @file Adversarial training: the loss is also taken at word vectors moved a little in the direction that hurts most. It all
 * happens inside one graph: forward, backward to the word vectors, forward again.
 */
import { assert } from '../../shared/lib/result.ts'
import { backward } from '../autodiff/backward.ts'
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import type { EmitLoss, Loss, Network } from './network.ts'

export type Adversarial =
  /** r = ε g / ‖g‖. Source: Miyato, Dai, Goodfellow, ICLR 2017. */
  | { kind: 'fgm'; epsilon: number }
  /** `steps` times r ← the point of the ε-ball next to r + α g / ‖g‖. Source: Madry et al., ICLR 2018. */
  | { kind: 'pgd'; epsilon: number; alpha: number; steps: number }

/** The mean of the loss at the texts and at their adversarial neighbours. */
export function emitAdversarial(net: Network, emit: EmitLoss, adversarial: Adversarial): Loss {
  const { g, layers } = net
  const clean = emit(net)
  const rows = layers.lookUps.map((lookUp) => lookUp.rows)
  assert(rows.length > 0, 'adversarial training moves word vectors that are being trained')

  const { epsilon, alpha, steps } =
    adversarial.kind === 'fgm' ? { ...adversarial, alpha: adversarial.epsilon, steps: 1 } : adversarial
  let moves: Value[] = []
  let moved = clean.loss
  let points = rows
  const constants = [...(clean.constants ?? [])]
  for (let step = 0; step < steps; step++) {
    const gradients = backward(g, moved, points, { constants })
    moves = gradients.map((gradient, at) => {
      const stride = g.mul(unitPerText(g, gradient), g.scalar(alpha))
      return step === 0 ? stride : withinBall(g, g.add(moves[at]!, stride), epsilon)
    })
    constants.push(...moves)
    points = rows.map((value, at) => g.add(value, moves[at]!))
    const again = emit(withRows(net, points))
    constants.push(...(again.constants ?? []))
    moved = again.loss
  }
  return { ...clean, loss: g.mul(g.add(clean.loss, moved), g.scalar(0.5)), constants }
}

/** The same network with other word vectors, taken in the order of the look-ups. */
function withRows(net: Network, points: readonly Value[]): Network {
  let next = 0
  return net.withLookUp(() => {
    const rows = points[next++]
    assert(rows, 'the objective looks up the same tables each time')
    return rows
  })
}

const lengthPerText = (g: Graph, x: Value): Value =>
  g.max(g.sqrt(g.reduceSum(g.mul(x, x), x.shape.map((_, axis) => axis).slice(1))), g.scalar(1e-12))
const unitPerText = (g: Graph, x: Value): Value => g.div(x, lengthPerText(g, x))
/** x · min(1, ε / ‖x‖) */
const withinBall = (g: Graph, x: Value, epsilon: number): Value =>
  g.mul(x, g.min(g.div(g.scalar(epsilon), lengthPerText(g, x)), g.scalar(1)))
