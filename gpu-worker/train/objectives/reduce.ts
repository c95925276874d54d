/** @file How a column of losses becomes one number. */
import type { Value } from '../../graph/builder.ts'
import type { Graph } from '../../graph/ops.ts'

/** Σ w x / Σ w over f32[n, 1]; the weights must not all be 0. */
export const weightedMean = (g: Graph, x: Value, weights: Value): Value =>
  g.div(g.reduceSum(g.mul(x, weights), [0, 1]), g.reduceSum(weights, [0, 1]))
