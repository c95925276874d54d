/** @file Heads over one text or a pair of texts: a class, or a number. */
import type { Value } from '../../graph/builder.ts'
import { emitMeanPooling } from '../../model/bert.ts'
import { emitClassifier, emitClsPooling } from '../../model/heads.ts'
import type { Loss, Network, Pooling } from '../network.ts'
import { weightedMean } from './reduce.ts'

export type TextShape = { batch: number; seq: number; isPair: boolean }

/** f32[batch, hidden]; of the mean, the direction only. */
function emitText(net: Network, { batch, seq, isPair }: TextShape, pooling: Pooling): Value {
  const hidden = net.tokens('text', batch, seq, isPair)
  return pooling === 'cls'
    ? emitClsPooling(net.g, hidden)
    : emitMeanPooling(net.g, hidden, net.input('text_mask', 'f32', [batch, seq]))
}

/**
 *   loss = Σ w · −ln softmax(logits)[label] / Σ w
 *
 * Inputs: `text_ids`, `text_mask`, for pairs `text_types`; `labels` i64[batch, 1]; `weights` f32[batch, 1].
 * Output `logits` f32[batch, classes].
 */
export function emitClassification(net: Network, shape: TextShape, pooling: Pooling): Loss {
  const { g } = net
  const logits = emitClassifier(net.layers, emitText(net, shape, pooling))
  const labels = net.input('labels', 'i64', [shape.batch, 1])
  const nats = g.neg(g.gatherColumns(g.logSoftmax(logits), labels))
  return { loss: weightedMean(g, nats, net.input('weights', 'f32', [shape.batch, 1])), outputs: { logits } }
}

/**
 *   loss = Σ w (ŷ − y)² / Σ w,   for a head with one output
 *
 * Inputs as above with `targets` f32[batch, 1] for the labels. Output `predictions` f32[batch, 1].
 */
export function emitRegression(net: Network, shape: TextShape, pooling: Pooling): Loss {
  const { g } = net
  const predictions = emitClassifier(net.layers, emitText(net, shape, pooling))
  const error = g.sub(predictions, net.input('targets', 'f32', [shape.batch, 1]))
  const weights = net.input('weights', 'f32', [shape.batch, 1])
  return { loss: weightedMean(g, g.mul(error, error), weights), outputs: { predictions } }
}
