/**
 * @file Texts in, unit vectors out, in the calling thread (which stands still meanwhile: see `threaded-encoder.ts`).
 * Tokenises, sorts into batches of like length, runs, and puts the vectors back in the caller's order.
 */
import { assert } from '../../shared/lib/result.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import type { Precision } from '../model/layers.ts'
import { openSession, type Provider, type Session } from '../runtime/session.ts'
import { planBatches } from './batches.ts'
import { buildEncoderModel, type EncoderModelOptions } from './encoder-model.ts'

export type Encoder = {
  /** Components per vector. */
  dim: number
  /** Where it computes. */
  provider: Provider
  /** One unit vector per text, in order; an empty text has one too. */
  encode(texts: readonly string[]): Promise<Float32Array[]>
  close(): Promise<void>
}
export type EncoderOptions = {
  checkpoint: Checkpoint
  /** See `precisionFor`. */
  precision: Precision
  /** Tokens per text, [CLS] and [SEP] included; the rest of a text is cut off. Default 64. */
  maxTokens?: number
  /** Texts × padded length per run, which bounds memory. Default 2,048. */
  batchTokens?: number
  /** Threads per run, the calling one included. Default 1. */
  threads?: number
  /** Default cpu. One that does not start here makes the encoder fail: `chooseProvider` knows which do. */
  provider?: Provider
}

/**
 * What suits a provider. int8 on the CPU: twice as fast, cosine ≥ .999 to fp32. fp16 on CUDA: half the memory, and what its
 * matrix units are for. fp32 on WebGPU, where fp16 is optional.
 */
export const precisionFor = (provider: Provider): Precision =>
  (({ cpu: 'int8', cuda: 'fp16', webgpu: 'fp32' }) as const)[provider]

/** One kernel for the whole of attention is slower than its parts on a CPU, and the point of the exercise on a card. */
const GRAPH_OF: Readonly<Record<Provider, Omit<EncoderModelOptions, 'precision'>>> = {
  cpu: {},
  cuda: { attention: 'fused' },
  webgpu: { kernels: 'webgpu' },
}

/** All that encoding needs, as data that can be handed to a thread. */
export type EncoderRecipe = {
  model: Uint8Array<ArrayBuffer>
  dim: number
  vocabulary: string[]
  lowercase: boolean
  maxTokens: number
  batchTokens: number
  threads: number
  provider: Provider
}

export const createEncoder = (options: EncoderOptions): Promise<Encoder> =>
  openEncoder(prepareEncoder(options))

/** Check the options and write the graph. Cost: a copy of the weights, tens of ms for 4 × 256. */
export function prepareEncoder(options: EncoderOptions): EncoderRecipe {
  const {
    checkpoint,
    precision,
    maxTokens = 64,
    batchTokens = 2_048,
    threads = 1,
    provider = 'cpu',
  } = options
  const positions = checkpoint.config.max_position_embeddings
  assert(
    maxTokens >= 2 && maxTokens <= positions,
    `${maxTokens} tokens a text, the model has ${positions} positions`,
  )
  assert(batchTokens >= maxTokens, `a batch of ${batchTokens} tokens takes a text of ${maxTokens}`)
  return {
    model: buildEncoderModel(checkpoint, { precision, ...GRAPH_OF[provider] }),
    dim: checkpoint.config.hidden_size,
    vocabulary: checkpoint.vocabulary,
    lowercase: checkpoint.lowercase,
    maxTokens,
    batchTokens,
    threads,
    provider,
  }
}

export async function openEncoder(recipe: EncoderRecipe): Promise<Encoder> {
  const tokenizer = createWordPiece({ vocabulary: recipe.vocabulary, lowercase: recipe.lowercase })
  const session = await openSession(recipe.model, recipe)

  const encode = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const ids = texts.map((text) => tokenizer.encode(text, recipe.maxTokens))
    const vectors = new Array<Float32Array>(texts.length)
    const lengths = ids.map((tokens) => tokens.length)
    for (const { indices, length } of planBatches(lengths, recipe.batchTokens)) {
      // A table of 128 positions ends a length of 124 rounded up; the cap never cuts a text.
      const padded = Math.min(length, recipe.maxTokens)
      const rows = await runBatch(
        session,
        indices.map((index) => ids[index]!),
        padded,
        tokenizer.padId,
      )
      indices.forEach((index, row) => {
        vectors[index] = rows.slice(row * recipe.dim, (row + 1) * recipe.dim)
      })
    }
    return vectors
  }
  return { dim: recipe.dim, provider: recipe.provider, encode, close: () => session.close() }
}

/** @returns f32[batch.length, dim] */
async function runBatch(session: Session, batch: readonly Int32Array[], length: number, padId: number) {
  const ids = new BigInt64Array(batch.length * length).fill(BigInt(padId))
  const mask = new Float32Array(batch.length * length)
  batch.forEach((tokens, row) => {
    for (let i = 0; i < tokens.length; i++) ids[row * length + i] = BigInt(tokens[i]!)
    mask.fill(1, row * length, row * length + tokens.length)
  })
  const dims = [batch.length, length]
  const { emb } = await session.run({ ids: { data: ids, dims }, mask: { data: mask, dims } })
  assert(emb, 'the encoder has an output named emb')
  return emb.data
}
