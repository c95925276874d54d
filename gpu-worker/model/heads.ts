/**
 * @file What stands on top of the encoder for one task or another: the tensors of each head, by the names of Hugging Face's
 * BertFor… classes, and its part of the graph.
 */
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import { staticDim } from '../graph/shape.ts'
import type { Layers } from './bert.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type BertConfig, EMBEDDINGS, type ParameterSpec } from './config.ts'

const MLM = {
  dense: 'cls.predictions.transform.dense',
  norm: 'cls.predictions.transform.LayerNorm',
  bias: 'cls.predictions.bias',
} as const
const CLASSIFIER = 'classifier'

/** Tensors of the masked-language-model head. Its decoder is the word table: Press and Wolf, EACL 2017. */
export const mlmHeadSpecs = ({ hidden_size, vocab_size }: BertConfig): ParameterSpec[] => [
  { name: `${MLM.dense}.weight`, shape: [hidden_size, hidden_size], initial: 'weight' },
  { name: `${MLM.dense}.bias`, shape: [hidden_size], initial: 'zero' },
  { name: `${MLM.norm}.weight`, shape: [hidden_size], initial: 'one' },
  { name: `${MLM.norm}.bias`, shape: [hidden_size], initial: 'zero' },
  { name: MLM.bias, shape: [vocab_size], initial: 'zero' },
]

/** Tensors of a linear layer over the text's vector: `outputs` classes, or 1 for a score. */
export const classifierSpecs = ({ hidden_size }: BertConfig, outputs: number): ParameterSpec[] => [
  { name: `${CLASSIFIER}.weight`, shape: [outputs, hidden_size], initial: 'weight' },
  { name: `${CLASSIFIER}.bias`, shape: [outputs], initial: 'zero' },
]

/** Without a head that is of no use any more; adapters and other heads stay. */
export function withoutHead(model: Checkpoint, specs: readonly ParameterSpec[]): Checkpoint {
  const heads = new Map(model.heads)
  for (const { name } of specs) heads.delete(name)
  return { ...model, heads }
}

/**
 * Which word stands at some places.
 *
 * @param places f32[places, hidden], token vectors
 * @returns      logits f32[places, vocab]
 */
export function emitMlmHead(g: Graph, config: BertConfig, layers: Layers, places: Value): Value {
  const inner = g.gelu(layers.linear(places, [MLM.dense])[0]!)
  const weight = layers.parameter(`${MLM.norm}.weight`)
  const normed = g.layerNorm(inner, weight, layers.parameter(`${MLM.norm}.bias`), config.layer_norm_eps)
  return g.gemm(normed, layers.parameter(EMBEDDINGS.words), layers.parameter(MLM.bias), { transB: true })
}

/** @param texts f32[batch, hidden] → logits f32[batch, outputs] */
export const emitClassifier = (layers: Layers, texts: Value): Value => layers.linear(texts, [CLASSIFIER])[0]!

/** The vector of [CLS], which stands first: f32[batch, seq, hidden] → f32[batch, hidden]. */
export const emitClsPooling = (g: Graph, hidden: Value): Value =>
  g.reshape(g.slice(hidden, 1, 0, 1), [hidden.shape[0]!, staticDim(hidden.shape, -1)])
