/**
 * @file The BERT encoder as a function from a graph to a value. It says what is computed; in which precision, and from
 * which weights, is the business of the `Layers` that it is given.
 *
 * Source: Devlin et al., NAACL 2019; post-LN layers as in Vaswani et al., NeurIPS 2017.
 */
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import { staticDim } from '../graph/shape.ts'
import { type BertConfig, EMBEDDINGS, layerNames } from './config.ts'
import { adapterNames } from './tuning.ts'

/** Where a model gets its weights: plain, quantised, or trainable with adapters in between. */
export type Layers = {
  /** A tensor as it is in the checkpoint. */
  parameter(name: string): Value
  /** Rows of an embedding table: ids i64[…] → f32[…, hidden]. */
  lookUp(name: string, ids: Value): Value
  /** x Wᵀ + b of each named module, on the same x. */
  linear(x: Value, modules: readonly string[]): Value[]
  /** softmax(Q Kᵀ / √headSize + mask) V in one operator; absent where its parts do as well. */
  attention?(operands: AttentionOperands): Value
  /** In training, numbers set to zero at random; absent for inference. */
  dropout?(x: Value): Value
  /** What comes between the named module, the last of a sublayer, and the residual sum; absent for a plain model. */
  adapt?(x: Value, module: string): Value
}

export type AttentionOperands = {
  /** [batch, seq, hidden], as key and value. */
  query: Value
  key: Value
  value: Value
  /** f32[batch, seq], its ones first. */
  mask: Value
  heads: number
}

/** Added to the attention scores of padding: far below any score, yet finite, so that no row becomes NaN. */
const MASKED_SCORE = 10_000

export type BertInputs = {
  /** i64[batch, seq] */
  ids: Value
  /** f32[batch, seq], 1 for a token and 0 for padding. */
  mask: Value
  /** i64[batch, seq], 0 for the first text of a pair and 1 for the second; absent for single texts. */
  types?: Value
}

/** @returns [batch, seq, hidden] in the number format of the embeddings */
export function emitBert(
  g: Graph,
  config: BertConfig,
  layers: Layers,
  { ids, mask, types }: BertInputs,
): Value {
  const [batch, seq] = ids.shape as [Value['shape'][number], Value['shape'][number]]
  const heads = config.num_attention_heads
  const headSize = config.hidden_size / heads
  const dropout = layers.dropout ?? ((x) => x)
  const adapt = layers.adapt ?? ((x) => x)

  const norm = (x: Value, module: string) =>
    g.layerNorm(
      x,
      layers.parameter(`${module}.weight`),
      layers.parameter(`${module}.bias`),
      config.layer_norm_eps,
    )
  const linear = (x: Value, module: string) => layers.linear(x, [module])[0]!
  const sublayer = (x: Value, module: string) => adapt(dropout(linear(x, module)), module)
  // [batch, seq, hidden] → [batch, heads, seq, headSize]
  const toHeads = (x: Value) => g.transpose(g.reshape(x, [batch, seq, heads, headSize]), [0, 2, 1, 3])
  const fromHeads = (x: Value) => g.reshape(g.transpose(x, [0, 2, 1, 3]), [batch, seq, config.hidden_size])

  const words = layers.lookUp(EMBEDDINGS.words, ids)
  const positions = g.firstRows(layers.parameter(EMBEDDINGS.positions), ids, 1)
  const segments = g.gatherRows(layers.parameter(EMBEDDINGS.types), types ?? g.ints([0]))
  const places = types ? g.add(segments, positions) : g.add(positions, segments)
  let x = dropout(norm(g.add(words, places), EMBEDDINGS.norm))

  const maskScores = g.asType(
    g.reshape(g.mul(g.sub(mask, g.scalar(1)), g.scalar(MASKED_SCORE)), [batch, 1, 1, seq]),
    x.dtype,
  )
  const plainAttention = ({ query, key, value }: AttentionOperands): Value => {
    const scores = g.matMulTransposed(toHeads(query), toHeads(key), 1 / Math.sqrt(headSize))
    return fromHeads(g.matMul(dropout(g.softmax(g.add(scores, maskScores))), toHeads(value)))
  }
  const attention = layers.attention ?? plainAttention
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const names = layerNames(layer)
    // softmax(Q Kᵀ / √headSize + mask) V
    const [query, key, value] = layers.linear(x, [names.query, names.key, names.value])
    const context = attention({ query: query!, key: key!, value: value!, mask, heads })
    x = norm(g.add(sublayer(context, names.attentionOutput), x), names.attentionNorm)
    const inner = g.gelu(linear(x, names.intermediate))
    x = norm(g.add(sublayer(inner, names.output), x), names.outputNorm)
  }
  return x
}

/**
 *   y = x + W_up gelu(W_down x + b_down) + b_up
 *
 * Source: Houlsby et al., ICML 2019, figure 2.
 */
export function emitAdapter(
  g: Graph,
  x: Value,
  module: string,
  linear: (x: Value, module: string) => Value,
): Value {
  const { down, up } = adapterNames(module)
  return g.add(x, linear(g.gelu(linear(x, down)), up))
}

/**
 * The mean of a text's token vectors, padding left out, at unit length.
 *
 * @param hidden f32[batch, seq, hidden]
 * @param mask   f32[batch, seq], at least one 1 in each row
 * @returns      f32[batch, hidden]
 * Source: Reimers, Gurevych, EMNLP 2019.
 */
export function emitMeanPooling(g: Graph, hidden: Value, mask: Value): Value {
  const [batch, seq] = mask.shape as [Value['shape'][number], Value['shape'][number]]
  const weights = g.reshape(g.div(mask, g.reduceSum(mask, 1)), [batch, 1, seq])
  return g.l2Normalise(g.reshape(g.matMul(weights, hidden), [batch, staticDim(hidden.shape, -1)]))
}
