import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { createEncoder } from '../encode/encoder.ts'
import { buildEncoderModel, type EncoderModelOptions } from '../encode/encoder-model.ts'
import { openSession } from '../runtime/session.ts'
import type { Checkpoint } from './checkpoint.ts'
import { referenceEmbedding } from './reference-bert.ts'
import { createSeededCheckpoint } from './seeded.ts'

const VOCABULARY = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...'abcdefghijklmnopqrstuvwxyz',
  ...[...'abcdefgh'].map((c) => `##${c}`),
]

/** Every tensor random, norms and biases too: a weight that is read from the wrong place must show. */
function randomCheckpoint(seed: number): Checkpoint {
  const checkpoint = createSeededCheckpoint({
    vocabulary: VOCABULARY,
    seed,
    layers: 2,
    hidden: 32,
    heads: 4,
    positions: 40,
  })
  const random = createRandom(seed)
  for (const [name, { data }] of checkpoint.tensors) {
    const isScale = name.endsWith('LayerNorm.weight')
    for (let i = 0; i < data.length; i++) data[i] = (isScale ? 1 : 0) + gaussian(random) * 0.2
  }
  return checkpoint
}
const TEXTS = ['a', 'b c d e f', 'abc hgf zz q', 'z y x w v u t s r q p o n m l k j']
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0)

describe('the BERT graph', () => {
  it('computes what the papers say, to 1e-5', async () => {
    const checkpoint = randomCheckpoint(1)
    const tokenizer = createWordPiece({ vocabulary: VOCABULARY, lowercase: true })
    const encoder = await createEncoder({ checkpoint, precision: 'fp32', maxTokens: 40 })
    const vectors = await encoder.encode(TEXTS)
    TEXTS.forEach((text, at) => {
      const expected = referenceEmbedding(checkpoint, [...tokenizer.encode(text, 40)])
      for (const [i, value] of expected.entries())
        expect(Math.abs(vectors[at]![i]! - value)).toBeLessThan(1e-5)
    })
    await encoder.close()
  })

  it('gives a text the same vector whatever stands in its padding', async () => {
    const checkpoint = randomCheckpoint(2)
    const session = await openSession(buildEncoderModel(checkpoint, { precision: 'fp32' }), { threads: 1 })
    const run = async (ids: number[], mask: number[]) => {
      const dims = [1, ids.length]
      const { emb } = await session.run({
        ids: { data: BigInt64Array.from(ids, BigInt), dims },
        mask: { data: Float32Array.from(mask), dims },
      })
      return emb!.data
    }
    const bare = await run([2, 7, 9, 3], [1, 1, 1, 1])
    for (const padding of [
      [0, 0, 0],
      [11, 12, 13],
    ]) {
      const padded = await run([2, 7, 9, 3, ...padding], [1, 1, 1, 1, 0, 0, 0])
      for (const [i, value] of padded.entries()) expect(Math.abs(value - bare[i]!)).toBeLessThan(1e-5)
    }
    await session.close()
  })

  it.each([
    ['with attention in one kernel', { precision: 'fp32', attention: 'fused' }, 1e-5],
    ['for WebGPU', { precision: 'fp32', kernels: 'webgpu' }, 1e-5],
    // The CPU computes f16 in f32 and rounds what it stores; a card rounds inside as well.
    ['in fp16', { precision: 'fp16' }, 2e-3],
    ['in fp16 with attention in one kernel', { precision: 'fp16', attention: 'fused' }, 2e-3],
  ] as [string, EncoderModelOptions, number][])(
    'gives the same vectors %s',
    async (_name, options, tolerance) => {
      const checkpoint = randomCheckpoint(4)
      const lengths = [9, 4, 1]
      const dims = [lengths.length, 9]
      const feeds = {
        ids: { data: BigInt64Array.from({ length: 27 }, (_, at) => BigInt(5 + ((at * 7) % 30))), dims },
        mask: {
          data: Float32Array.from({ length: 27 }, (_, at) => Number(at % 9 < lengths[Math.floor(at / 9)]!)),
          dims,
        },
      }
      const run = async (variant: EncoderModelOptions) => {
        const session = await openSession(buildEncoderModel(checkpoint, variant), { threads: 1 })
        const { emb } = await session.run(feeds)
        await session.close()
        return emb!.data
      }
      const exact = await run({ precision: 'fp32' })
      for (const [at, value] of (await run(options)).entries())
        expect(Math.abs(value - exact[at]!)).toBeLessThan(tolerance)
    },
  )

  it('in int8 gives nearly the same vectors', async () => {
    const checkpoint = randomCheckpoint(3)
    const [exact, quantised] = await Promise.all(
      (['fp32', 'int8'] as const).map((precision) => createEncoder({ checkpoint, precision, maxTokens: 40 })),
    )
    const [left, right] = [await exact!.encode(TEXTS), await quantised!.encode(TEXTS)]
    for (const at of TEXTS.keys()) expect(dot(left[at]!, right[at]!)).toBeGreaterThan(0.999)
    await Promise.all([exact!.close(), quantised!.close()])
  })
})
