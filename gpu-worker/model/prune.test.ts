import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SPECIAL_TOKENS, trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { createEncoder } from '../encode/encoder.ts'
import { type Checkpoint, checkpointFiles, checkpointFromFiles, modelId } from './checkpoint.ts'
import { firstLayers, pruneLayers, pruneVocabulary } from './prune.ts'
import { createSeededCheckpoint } from './seeded.ts'

const WORDS = [
  ...['wireless', 'speaker', 'headphones', 'kettle', 'stainless', 'steel', 'portable', 'lamp'],
  ...['charger', 'printer', 'USB-C', '12V', '音箱', '茶叶', 'café', 'waterproof'],
]
const TEXTS = Array.from(
  { length: 60 },
  (_, n) => `${WORDS[n % 16]} ${WORDS[(n * 7) % 16]} ${WORDS[(n * n) % 8]}`,
)
const VOCABULARY = [...trainWordPiece(TEXTS, { size: 160, lowercase: true }), '[unused1]', '##音', 'A']
const HIDDEN = 16

function make(): Checkpoint {
  const checkpoint = createSeededCheckpoint({
    vocabulary: VOCABULARY,
    seed: 9,
    layers: 4,
    hidden: HIDDEN,
    heads: 2,
    positions: 64,
  })
  const bias = Float32Array.from(VOCABULARY, (_, id) => id)
  return {
    ...checkpoint,
    heads: new Map([['cls.predictions.bias', { shape: [VOCABULARY.length], data: bias }]]),
  }
}
const CHECKPOINT = make()
const prune = (keep: number, texts: readonly string[] = TEXTS) => pruneVocabulary(CHECKPOINT, texts, { keep })
/** More than the characters of the vocabulary, fewer than all of it. */
const keepCount = fc.integer({ min: 100, max: VOCABULARY.length })
const text = fc
  .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 5 })
  .map((words) => words.join(' '))

const rowOf = ({ tensors }: Checkpoint, id: number) => [
  ...tensors.get('embeddings.word_embeddings.weight')!.data.slice(id * HIDDEN, (id + 1) * HIDDEN),
]
const encode = async (checkpoint: Checkpoint, texts: readonly string[]) => {
  const encoder = await createEncoder({ checkpoint, precision: 'fp32' })
  const vectors: number[][] = []
  for (const one of texts) vectors.push([...(await encoder.encode([one]))[0]!])
  await encoder.close()
  return vectors
}
const readBack = (checkpoint: Checkpoint) => {
  const read = checkpointFromFiles(checkpointFiles(checkpoint))
  if (!read.ok) throw new Error(read.error.message)
  return read.value
}

describe('pruneVocabulary', () => {
  it('keeps so many tokens, in their order, each with its own row in every table', () => {
    fc.assert(
      fc.property(keepCount, (keep) => {
        const pruned = prune(keep)
        expect(pruned.vocabulary).toHaveLength(keep)
        const oldIds = pruned.vocabulary.map((token) => VOCABULARY.indexOf(token))
        expect(oldIds).toEqual([...oldIds].sort((a, b) => a - b))
        for (const [id, oldId] of oldIds.entries())
          expect(rowOf(pruned, id)).toEqual(rowOf(CHECKPOINT, oldId))
        expect([...pruned.heads.get('cls.predictions.bias')!.data]).toEqual(oldIds)
      }),
      { seed: 1, numRuns: 20 },
    )
  })
  it('spells every text that it could spell before, with the same characters', () => {
    const before = createWordPiece(CHECKPOINT)
    fc.assert(
      fc.property(keepCount, text, fc.array(text, { maxLength: 5 }), (keep, asked, seen) => {
        const after = createWordPiece(prune(keep, seen)).tokens(asked)
        const spelt = (tokens: string[]) => tokens.map((token) => token.replace(/^##/, '')).join('')
        expect(after).not.toContain('[UNK]')
        expect(spelt(after)).toBe(spelt(before.tokens(asked)))
        expect(after.length).toBeGreaterThanOrEqual(before.tokens(asked).length)
      }),
      { seed: 2, numRuns: 50 },
    )
  })
  it('leaves the vector of a text alone whose pieces are all kept, bit for bit', async () => {
    const seen = TEXTS.slice(0, 6)
    const pruned = prune(110, seen)
    const [before, after] = [createWordPiece(CHECKPOINT), createWordPiece(pruned)]
    const same = seen.filter((one) => before.tokens(one).every((token) => pruned.vocabulary.includes(token)))
    expect(same.length).toBeGreaterThan(2)
    for (const one of same) expect(after.tokens(one)).toEqual(before.tokens(one))
    expect(await encode(pruned, same)).toEqual(await encode(CHECKPOINT, same))
  })
  it('keeps special tokens and the characters of texts even when asked for fewer, and nothing else then', () => {
    const { vocabulary } = prune(1)
    expect(vocabulary.slice(0, 5)).toEqual([...SPECIAL_TOKENS])
    expect(vocabulary.slice(5).filter((token) => [...token.replace(/^##/, '')].length !== 1)).toEqual([])
    expect(vocabulary).toContain('音')
    // No text comes to these: ideograms stand apart, and an uncased model has no capitals.
    for (const token of ['##音', 'A', '[unused1]']) expect(vocabulary).not.toContain(token)
  })
  it('keeps what is used most: pieces of the texts before others', () => {
    const seen = ['speaker speaker kettle', 'speaker kettle', 'lamp']
    const characters = prune(1).vocabulary.length
    const kept = (keep: number) =>
      ['speaker', 'kettle', 'lamp'].filter((word) => prune(keep, seen).vocabulary.includes(word))
    expect([1, 2, 3].map((more) => kept(characters + more))).toEqual([
      ['speaker'],
      ['speaker', 'kettle'],
      ['speaker', 'kettle', 'lamp'],
    ])
  })
  it('changes nothing when all tokens are kept, and gives a checkpoint that can be read', () => {
    expect(modelId(prune(VOCABULARY.length))).toBe(modelId(CHECKPOINT))
    expect(modelId(readBack(prune(110)))).toBe(modelId(prune(110)))
  })
})

describe('pruneLayers', () => {
  it('with all layers is the identity', () => {
    expect(pruneLayers(CHECKPOINT, firstLayers(4))).toEqual(CHECKPOINT)
  })
  it('twice is once: the layers chosen among those that were chosen', () => {
    fc.assert(
      fc.property(
        fc.subarray([0, 1, 2, 3], { minLength: 1 }),
        fc.infiniteStream(fc.boolean()),
        (first, coin) => {
          const second = [...first.keys()].filter((at) => at === 0 || coin.next().value)
          const once = pruneLayers(
            CHECKPOINT,
            second.map((at) => first[at]!),
          )
          expect(pruneLayers(pruneLayers(CHECKPOINT, first), second)).toEqual(once)
        },
      ),
      { seed: 3, numRuns: 20 },
    )
  })
  it('gives a checkpoint that can be read and encodes with the layers that are left', async () => {
    const pruned = pruneLayers(CHECKPOINT, [1, 3])
    expect(modelId(readBack(pruned))).toBe(modelId(pruned))
    const weight = 'attention.self.query.weight'
    expect(pruned.tensors.get(`encoder.layer.1.${weight}`)).toBe(
      CHECKPOINT.tensors.get(`encoder.layer.3.${weight}`),
    )
    const [vectors, others] = [
      await encode(pruned, ['lamp']),
      await encode(pruneLayers(CHECKPOINT, [0, 2]), ['lamp']),
    ]
    expect(Math.hypot(...vectors[0]!)).toBeCloseTo(1, 5)
    expect(vectors).not.toEqual(others)
  })
  it('takes the adapters of a layer along', () => {
    const down = { shape: [1, HIDDEN], data: new Float32Array(HIDDEN).fill(2) }
    const name = (layer: number) => `encoder.layer.${layer}.output.dense.adapter.down.weight`
    const heads = new Map([...CHECKPOINT.heads, [name(1), down], [name(2), down]])
    const pruned = pruneLayers({ ...CHECKPOINT, heads }, [2])
    expect([...pruned.heads.keys()]).toEqual(['cls.predictions.bias', name(0)])
  })
  it.each([[[]], [[4]], [[1, 1]], [[2, 1]], [[-1]]])('refuses layers %j of a model of four', (layers) => {
    expect(() => pruneLayers(CHECKPOINT, layers)).toThrow('ascending and among the 4')
  })
})
