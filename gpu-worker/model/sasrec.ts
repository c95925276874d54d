/**
 * @file A causal transformer over the items of a history: from their vectors to what comes next, in the space of the items.
 * Pre-LN layers, learnt positions, and a learnt bias for how long ago an item was.
 *
 * Source: Kang, McAuley, ICDM 2018 (SASRec); Xiong et al., ICML 2020 (pre-LN); Raffel et al., JMLR 2020 (relative bias).
 */
import { assert } from '../../shared/lib/result.ts'
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import { resolveAxis, staticDim } from '../graph/shape.ts'
import type { Layers } from './bert.ts'
import type { ParameterSpec } from './config.ts'

export type SasrecConfig = {
  hidden: number
  layers: number
  heads: number
  /** Numbers between the two layers of a feed-forward part. */
  inner: number
  /** Longest history; of a longer one the latest items count. */
  positions: number
}

const LAYER_NORM_EPSILON = 1e-8
/** Added to the attention scores of what must not be seen: far below any score, yet finite, so that no row becomes NaN. */
export const MASKED_SCORE = -10_000

const POSITIONS = 'positions.weight'
const FINAL_NORM = 'final.norm'
const layerNames = (layer: number) => {
  const at = `layers.${layer}`
  return {
    attentionNorm: `${at}.attention.norm`,
    query: `${at}.attention.query`,
    key: `${at}.attention.key`,
    value: `${at}.attention.value`,
    attentionOutput: `${at}.attention.output`,
    recency: `${at}.attention.recency_bias`,
    innerNorm: `${at}.inner.norm`,
    inner: `${at}.inner.input`,
    output: `${at}.inner.output`,
  } as const
}

/** Every tensor of the transformer. Linear weights are [out, in]. */
export function sasrecSpecs({ hidden, layers, heads, inner, positions }: SasrecConfig): ParameterSpec[] {
  const norm = (name: string): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [hidden], initial: 'one' },
    { name: `${name}.bias`, shape: [hidden], initial: 'zero' },
  ]
  const linear = (name: string, rows: number, columns: number): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [rows, columns], initial: 'weight' },
    { name: `${name}.bias`, shape: [rows], initial: 'zero' },
  ]
  const layer = (index: number): ParameterSpec[] => {
    const names = layerNames(index)
    return [
      ...norm(names.attentionNorm),
      ...linear(names.query, hidden, hidden),
      ...linear(names.key, hidden, hidden),
      ...linear(names.value, hidden, hidden),
      ...linear(names.attentionOutput, hidden, hidden),
      { name: names.recency, shape: [positions, heads], initial: 'zero' },
      ...norm(names.innerNorm),
      ...linear(names.inner, inner, hidden),
      ...linear(names.output, hidden, inner),
    ]
  }
  return [
    { name: POSITIONS, shape: [positions, hidden], initial: 'words' },
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ...norm(FINAL_NORM),
  ]
}

export type SasrecInputs = {
  /** f32[batch, length, hidden]: the items' vectors, oldest first. */
  items: Value
  /** f32[…, hidden]: their positions' vectors, of a shape that broadcasts over the items. */
  positions: Value
  /** f32[heads or 1, length, length] of each layer, with a batch before it or not: what is added to the attention scores. */
  scores(layer: number): Value
}

/** @returns f32[batch, length, hidden], or f32[batch, hidden] of the last item alone, with `isLastOnly` */
export function emitSasrec(
  g: Graph,
  config: SasrecConfig,
  layers: Layers,
  { items, positions, scores }: SasrecInputs,
  isLastOnly = false,
): Value {
  const [batch, length] = items.shape as [Value['shape'][number], Value['shape'][number]]
  const { hidden, heads } = config
  const headSize = hidden / heads
  assert(staticDim(items.shape, -1) === hidden, 'items have the size of the model')
  const dropout = layers.dropout ?? ((x) => x)
  const norm = (x: Value, name: string) =>
    g.layerNorm(x, layers.parameter(`${name}.weight`), layers.parameter(`${name}.bias`), LAYER_NORM_EPSILON)
  const linear = (x: Value, name: string) => layers.linear(x, [name])[0]!
  // [batch, length, hidden] → [batch, heads, length, headSize]
  const toHeads = (x: Value) => g.transpose(g.reshape(x, [batch, x.shape[1]!, heads, headSize]), [0, 2, 1, 3])

  // The vectors of items are short, so that a softmax over all of them starts flat; here they are to weigh as much as a layer's result.
  let x = dropout(g.add(g.mul(items, g.scalar(Math.sqrt(hidden))), positions))
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerNames(layer)
    const isLast = isLastOnly && layer === config.layers - 1
    const normed = norm(x, names.attentionNorm)
    const asked = isLast ? lastOf(g, normed, 1) : normed
    // One product for all that is asked of the same x, where the layers can do that.
    const [query, key, value] = isLast
      ? [linear(asked, names.query), ...layers.linear(normed, [names.key, names.value])]
      : layers.linear(normed, [names.query, names.key, names.value])
    const added = isLast ? lastOf(g, scores(layer), -2) : scores(layer)
    const products = g.matMulTransposed(toHeads(query!), toHeads(key!), 1 / Math.sqrt(headSize))
    const context = g.matMul(dropout(g.softmax(g.add(products, added))), toHeads(value!))
    const joined = g.reshape(g.transpose(context, [0, 2, 1, 3]), [batch, isLast ? 1 : length, hidden])
    x = g.add(isLast ? lastOf(g, x, 1) : x, dropout(linear(joined, names.attentionOutput)))
    const inner = dropout(g.gelu(linear(norm(x, names.innerNorm), names.inner)))
    x = g.add(x, dropout(linear(inner, names.output)))
  }
  const result = norm(x, FINAL_NORM)
  return isLastOnly ? g.reshape(result, [batch, hidden]) : result
}

/** The last of an axis, which stays with size 1. */
function lastOf(g: Graph, x: Value, axis: number): Value {
  const at = resolveAxis(x.shape, axis)
  const operands = [g.ints([-1]), g.ints([END]), g.ints([at])]
  return g.emit('Slice', [x, ...operands], { shape: x.shape.with(at, 1), dtype: x.dtype })
}
/** A bound that no axis reaches. */
const END = 2 ** 31 - 1

/** f32[heads, length, length]: the learnt bias of each pair of places, by how far apart they are; of the future that of the same place. */
export function emitRecencyBias(
  g: Graph,
  { heads, positions }: SasrecConfig,
  layers: Layers,
  layer: number,
  length: number,
): Value {
  const distances = Array.from({ length: length * length }, (_, at) =>
    // Rows of packed histories are longer than any of them; what lies farther apart is of two.
    Math.min(positions - 1, Math.max(0, Math.floor(at / length) - (at % length))),
  )
  const bias = g.gatherRows(layers.parameter(layerNames(layer).recency), g.ints(distances))
  return g.transpose(g.reshape(bias, [length, length, heads]), [2, 0, 1])
}

/** f32[…, hidden]: positions by number. */
export const emitPositions = (g: Graph, layers: Layers, ids: Value): Value =>
  g.gatherRows(layers.parameter(POSITIONS), ids)

/** f32[length, hidden]: those of a history of this length. */
export const emitFirstPositions = (g: Graph, layers: Layers, items: Value): Value =>
  g.firstRows(layers.parameter(POSITIONS), items, 1)
