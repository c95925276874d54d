/** @file The loss of the next item: a softmax over the whole catalogue, or over a sample of it with the logQ correction. */
import type { Value } from '../../graph/builder.ts'
import type { Graph } from '../../graph/ops.ts'
import { emitPositions, emitRecencyBias, emitSasrec, type SasrecConfig } from '../../model/sasrec.ts'
import type { Loss, Network } from '../../train/network.ts'
import { weightedMean } from '../../train/objectives/reduce.ts'
import { emitCatalogue, emitItems, type ItemTableConfig } from './item-table.ts'
import type { NextItemShape } from './next-item-task.ts'

/** Taken from the logit of a drawn item that is the target itself. */
const EXCLUDED = 10_000

export type NextItemObjective = NextItemShape & {
  transformer: SasrecConfig
  table: ItemTableConfig
  /** τ > 0 of the cosines of users and items. */
  temperature: number
  /** Items drawn a step; null for a softmax over all. */
  sampledItems: number | null
}

/** Inputs as `createNextItemTask` makes them. Output `nats` f32[places, 1]: −ln p of each place's target, unweighted. */
export function emitNextItem(net: Network, objective: NextItemObjective): Loss {
  const { g, layers } = net
  const { rows, rowLength, table, temperature, sampledItems } = objective
  const places = rows * rowLength
  const ids = net.input('items', 'i64', [places])
  const targets = net.input('targets', 'i64', [places])
  const weights = net.input('weights', 'f32', [places, 1])

  if (sampledItems === null) {
    const catalogue = emitCatalogue(g, layers, table)
    const users = emitUsers(net, objective, g.gatherRows(catalogue, ids))
    const { loss, nats, constants } = emitFullSoftmax(g, {
      users: g.mul(users, g.scalar(1 / temperature)),
      catalogue,
      targets,
      weights,
    })
    return { loss, outputs: { nats }, constants }
  }
  const users = emitUsers(net, objective, emitItems(g, layers, table, ids))
  const scaled = g.mul(users, g.scalar(1 / temperature))
  const own = g.reduceSum(g.mul(scaled, emitItems(g, layers, table, targets)), -1)
  const sampledIds = net.input('sampled', 'i64', [sampledItems])
  const sampled = emitItems(g, layers, table, sampledIds)
  // An item that was drawn and is the target itself is not its own negative.
  const hits = g.isEqual(g.reshape(targets, [places, 1]), g.reshape(sampledIds, [1, sampledItems]))
  const drawn = g.sub(
    g.sub(g.matMulTransposed(scaled, sampled), net.input('log_expected', 'f32', [1, sampledItems])),
    g.mul(hits, g.scalar(EXCLUDED)),
  )
  const nats = g.neg(g.slice(g.logSoftmax(g.concat([own, drawn], 1)), 1, 0, 1))
  return { loss: weightedMean(g, nats, weights), outputs: { nats } }
}

/** f32[places, hidden], unit vectors. */
function emitUsers(
  { g, layers, input }: Network,
  { rows, rowLength, transformer }: NextItemObjective,
  items: Value,
): Value {
  const { hidden } = transformer
  const mask = input('mask', 'f32', [rows, 1, rowLength, rowLength])
  const users = emitSasrec(g, transformer, layers, {
    items: g.reshape(items, [rows, rowLength, hidden]),
    positions: emitPositions(g, layers, input('positions', 'i64', [rows, rowLength])),
    scores: (layer) => g.add(mask, emitRecencyBias(g, transformer, layers, layer, rowLength)),
  })
  return g.l2Normalise(g.reshape(users, [rows * rowLength, hidden]))
}

/**
 *   loss = Σ w (ln Σⱼ e^(u·eⱼ) − u·e_target) / Σ w
 *
 * Differentiated by hand, since all rules together would write numbers of places × catalogue seven times, and this does twice:
 * with p = softmax(u Eᵀ) and c = p E held constant where a bar is drawn,
 *   S = Σ w (u·c̄ + Σⱼ p̄ⱼ u·eⱼ restricted to E − u·e_target) / Σ w
 * has the gradient of the loss in u and in E, and loss = S − S̄ + L̄ has its value too.
 */
export function emitFullSoftmax(
  g: Graph,
  { users, catalogue, targets, weights }: Record<'users' | 'catalogue' | 'targets' | 'weights', Value>,
): { loss: Value; nats: Value; constants: Value[] } {
  const places = users.shape[0] as number
  const p = g.softmax(g.matMulTransposed(users, catalogue))
  const expected = g.matMul(p, catalogue) // p is constant: its pullback is pᵀ (w u) in E
  const own = g.gatherRows(catalogue, targets)
  const slope = g.reduceSum(g.mul(users, g.sub(expected, own)), -1)
  const nats = g.neg(g.log(g.max(g.gatherColumns(p, g.reshape(targets, [places, 1])), g.scalar(1e-30))))
  const value = g.sub(nats, slope)
  return {
    loss: weightedMean(g, g.add(slope, value), weights),
    nats,
    constants: [p, value],
  }
}
