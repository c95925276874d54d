/** @file Masked language model: say which token stood at the masked places. Source: Devlin et al., NAACL 2019, §3.1. */
import { staticDim } from '../../graph/shape.ts'
import { emitMlmHead } from '../../model/heads.ts'
import type { Loss, Network } from '../network.ts'
import { weightedMean } from './reduce.ts'

export type MlmShape = { batch: number; seq: number; places: number }

/**
 *   loss = Σ w · −ln p(label at place) / Σ w
 *
 * Inputs: `text_ids`, `text_mask`; `places` i64[places], flat indices into batch × seq; `labels` i64[places, 1];
 * `weights` f32[places, 1], 0 for a place that only fills up the shape. Output `nats` f32[places, 1]: −ln p of each place.
 */
export function emitMlm(net: Network, { batch, seq, places }: MlmShape): Loss {
  const { g, config, layers } = net
  const hidden = net.tokens('text', batch, seq)
  const width = staticDim(hidden.shape, -1)
  const at = g.gatherRows(g.reshape(hidden, [batch * seq, width]), net.input('places', 'i64', [places]))
  const logits = emitMlmHead(g, config, layers, at)
  const nats = g.neg(g.gatherColumns(g.logSoftmax(logits), net.input('labels', 'i64', [places, 1])))
  return { loss: weightedMean(g, nats, net.input('weights', 'f32', [places, 1])), outputs: { nats } }
}
