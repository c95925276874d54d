/** @file What `config.json` says of a BERT encoder, and the list of tensors that follows from it. */
import { z } from 'zod'

/** Fields of Hugging Face's BertConfig that the encoder needs, by their names there; further fields are ignored. */
export const BertConfig = z
  .object({
    model_type: z.literal('bert').default('bert'),
    vocab_size: z.int().positive(),
    hidden_size: z.int().positive(),
    num_hidden_layers: z.int().positive().max(96),
    num_attention_heads: z.int().positive(),
    intermediate_size: z.int().positive(),
    max_position_embeddings: z.int().min(2),
    type_vocab_size: z.int().positive().default(2),
    layer_norm_eps: z.number().positive().default(1e-12),
    /** The exact GELU; its approximations and other activations are refused rather than run wrongly. */
    hidden_act: z.literal('gelu').default('gelu'),
    position_embedding_type: z.literal('absolute').default('absolute'),
  })
  .refine((config) => config.hidden_size % config.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'must divide hidden_size',
  })
export type BertConfig = z.infer<typeof BertConfig>

/** How a tensor starts out when nothing has been learnt. */
export type InitialValue = 'words' | 'positions' | 'weight' | 'zero' | 'one'
export type ParameterSpec = { name: string; shape: readonly number[]; initial: InitialValue }

export const EMBEDDINGS = {
  words: 'embeddings.word_embeddings.weight',
  positions: 'embeddings.position_embeddings.weight',
  types: 'embeddings.token_type_embeddings.weight',
  norm: 'embeddings.LayerNorm',
} as const

/** Module names of one layer, without `.weight` and `.bias`. */
export const layerNames = (layer: number) => {
  const at = `encoder.layer.${layer}`
  return {
    query: `${at}.attention.self.query`,
    key: `${at}.attention.self.key`,
    value: `${at}.attention.self.value`,
    attentionOutput: `${at}.attention.output.dense`,
    attentionNorm: `${at}.attention.output.LayerNorm`,
    intermediate: `${at}.intermediate.dense`,
    output: `${at}.output.dense`,
    outputNorm: `${at}.output.LayerNorm`,
  } as const
}

/** Every tensor of the encoder, in file order. Linear weights are [out, in], as PyTorch keeps them. */
export function parameterSpecs(config: BertConfig): ParameterSpec[] {
  const { hidden_size: hidden, intermediate_size: intermediate } = config
  const table = (name: string, rows: number, initial: InitialValue): ParameterSpec => ({
    name,
    shape: [rows, hidden],
    initial,
  })
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
      ...linear(names.query, hidden, hidden),
      ...linear(names.key, hidden, hidden),
      ...linear(names.value, hidden, hidden),
      ...linear(names.attentionOutput, hidden, hidden),
      ...norm(names.attentionNorm),
      ...linear(names.intermediate, intermediate, hidden),
      ...linear(names.output, hidden, intermediate),
      ...norm(names.outputNorm),
    ]
  }
  return [
    table(EMBEDDINGS.words, config.vocab_size, 'words'),
    table(EMBEDDINGS.positions, config.max_position_embeddings, 'positions'),
    table(EMBEDDINGS.types, config.type_vocab_size, 'positions'),
    ...norm(EMBEDDINGS.norm),
    ...Array.from({ length: config.num_hidden_layers }, (_, index) => layer(index)).flat(),
  ]
}
