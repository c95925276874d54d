/**
 * @file The ranker as ONNX, for the edge and for evaluation: features in, three probabilities out; and, to explain a score, the
 * gradient of it by the features.
 */
import { backward } from '../autodiff/backward.ts'
import type { Value } from '../graph/builder.ts'
import { createGraph, type Graph } from '../graph/ops.ts'
import type { CheckpointTensor } from '../model/safetensors.ts'
import { emitMultiTask, type MultiTaskConfig, OUTCOMES, type Outcome } from './multi-task.ts'

/** l ↦ scale · l + offset of each conditional logit, so that probabilities are shares. Source: Platt 1999. */
export type Calibration = Record<Outcome, { scale: number; offset: number }>
export const UNCALIBRATED: Calibration = {
  click: { scale: 1, offset: 0 },
  cart: { scale: 1, offset: 0 },
  purchase: { scale: 1, offset: 0 },
}

export type RankModel = {
  config: MultiTaskConfig
  tensors: ReadonlyMap<string, CheckpointTensor>
  calibration: Calibration
}

/** Rows of features as the session takes them; columns that the model does not know are not looked at. */
export type ScorerOptions = { columns: number }

/** Input `features` f32[rows, columns]; outputs `click`, `cart`, `purchase` f32[rows]. */
export function buildScorer(model: RankModel, { columns }: ScorerOptions): Uint8Array<ArrayBuffer> {
  const g = createGraph('ranker')
  const probabilities = emitProbabilities(g, model, g.input('features', 'f32', ['rows', columns]))
  for (const outcome of OUTCOMES) g.output(flat(g, probabilities[outcome]), outcome)
  return g.toModel()
}

/** Conditional logits before calibration, to calibrate by: outputs `click`, `cart`, `purchase` f32[rows]. */
export function buildLogits(model: RankModel, { columns }: ScorerOptions): Uint8Array<ArrayBuffer> {
  const g = createGraph('ranker_logits')
  const logits = emitLogits(g, model, g.input('features', 'f32', ['rows', columns]))
  for (const outcome of OUTCOMES) g.output(flat(g, logits[outcome]), outcome)
  return g.toModel()
}

/**
 * Inputs `features` f32[rows, columns] and `weights` f32[3], what each outcome is worth; outputs `score` f32[rows] = Σ weight · p and
 * `gradient` f32[rows, columns], ∂score / ∂features.
 *
 * @param rows fixed: a gradient needs to know its shapes
 */
export function buildExplainer(
  model: RankModel,
  { columns }: ScorerOptions,
  rows: number,
): Uint8Array<ArrayBuffer> {
  const g = createGraph('ranker_explained')
  const features = g.input('features', 'f32', [rows, columns])
  const weights = g.input('weights', 'f32', [OUTCOMES.length])
  const probabilities = emitProbabilities(g, model, features)
  const joined = g.concat(
    OUTCOMES.map((outcome) => probabilities[outcome]),
    1,
  )
  const scores = g.reduceSum(g.mul(joined, weights), 1)
  // Rows do not depend on each other, so that the gradient of their sum holds that of each.
  const [gradient] = backward(g, g.reshape(g.reduceSum(scores, [0, 1]), [1]), [features])
  g.output(g.reshape(scores, [rows]), 'score')
  g.output(gradient!, 'gradient')
  return g.toModel()
}

const flat = (g: Graph, column: Value): Value => g.reshape(column, [column.shape[0]!])

function emitLogits(g: Graph, { config, tensors }: RankModel, features: Value): Record<Outcome, Value> {
  const parameters = new Map<string, Value>()
  const parameter = (name: string): Value => {
    const { shape, data } = tensors.get(name)!
    const value = parameters.get(name) ?? g.initializer(name, 'f32', shape, data)
    parameters.set(name, value)
    return value
  }
  return emitMultiTask(g, config, parameter, g.slice(features, 1, 0, config.features))
}

function emitProbabilities(g: Graph, model: RankModel, features: Value): Record<Outcome, Value> {
  const logits = emitLogits(g, model, features)
  const share = (outcome: Outcome) => {
    const { scale, offset } = model.calibration[outcome]
    return g.sigmoid(g.add(g.mul(logits[outcome], g.scalar(scale)), g.scalar(offset)))
  }
  const click = share('click')
  const cart = g.mul(click, share('cart'))
  return { click, cart, purchase: g.mul(cart, share('purchase')) }
}
