/** @file A checkpoint that has learnt nothing: what a shop starts with until there is a trained model. */
import { createRandom, gaussian, type Random } from '../../shared/lib/random.ts'
import type { Checkpoint } from './checkpoint.ts'
import { BertConfig, type InitialValue, parameterSpecs } from './config.ts'

export type SeededOptions = {
  /** Token of each id, `[PAD] [UNK] [CLS] [SEP]` among them. */
  vocabulary: readonly string[]
  seed: number
  layers?: number
  hidden?: number
  heads?: number
  lowercase?: boolean
  /** Longest text in tokens. */
  positions?: number
  /** Numbers between the two layers of a feed-forward part; default 4 × hidden. */
  intermediate?: number
  /** Start positions like every other weight, as a model should that is to be trained. */
  toTrain?: boolean
}

/**
 * The untrained encoder is a random projection of a text's tokens. Words start as BERT does (σ = .02); positions start
 * smaller, or else half of every vector would say where the tokens stand, which is the same in all texts.
 */
const SPREAD: Record<Exclude<InitialValue, 'zero' | 'one'>, number> = {
  words: 0.02,
  positions: 0.005,
  weight: 0.02,
}

/** The same options give the same checkpoint, bit for bit. Cost: about 0.1 µs a weight. */
export function createSeededCheckpoint(options: SeededOptions): Checkpoint {
  const { vocabulary, seed, layers = 4, hidden = 256, heads = 4, lowercase = true, positions = 128 } = options
  const { intermediate = 4 * hidden, toTrain = false } = options
  const config = BertConfig.parse({
    vocab_size: vocabulary.length,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: intermediate,
    max_position_embeddings: positions,
  })
  const random = createRandom(seed)
  const tensors: Checkpoint['tensors'] = new Map()
  for (const { name, shape, initial } of parameterSpecs(config)) {
    const count = shape.reduce((product, dim) => product * dim, 1)
    tensors.set(name, {
      shape,
      data: initialValues(toTrain && initial === 'positions' ? 'words' : initial, count, random),
    })
  }
  return { config, trained: false, vocabulary: [...vocabulary], lowercase, tensors, heads: new Map() }
}

export function initialValues(initial: InitialValue, count: number, random: Random): Float32Array {
  const values = new Float32Array(count)
  if (initial === 'zero') return values
  if (initial === 'one') return values.fill(1)
  for (let i = 0; i < count; i++) values[i] = gaussian(random) * SPREAD[initial]
  return values
}
