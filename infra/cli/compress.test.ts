import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCheckpoint, writeCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { createSeededCheckpoint } from '../../gpu-worker/model/seeded.ts'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { type CompressOptions, compress, renderCompression } from './compress.ts'
import { Failure } from './failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'aisle-compress-'))
afterAll(() => rmSync(folder, { recursive: true }))
const model = join(folder, 'model')
const texts = join(folder, 'texts.txt')
const TEXTS = ['wireless speaker', 'steel kettle', 'wireless kettle'].flatMap((text) => [text, text])
const vocabulary = trainWordPiece(TEXTS, { size: 120, lowercase: true })

const checkpoint = createSeededCheckpoint({
  vocabulary,
  seed: 1,
  layers: 3,
  hidden: 16,
  heads: 2,
  positions: 64,
})
beforeAll(async () => {
  writeFileSync(texts, TEXTS.join('\n'))
  await writeCheckpoint(model, checkpoint)
})
const run = (options: Partial<CompressOptions>) =>
  compress({ model, out: join(folder, 'out'), storage: 'f32', ...options })

describe('aisle compress', () => {
  it('writes a smaller model that can be read, and says how much smaller', async () => {
    const keep = vocabulary.length - 5
    const outcome = await run({ layers: 2, vocabulary: keep, texts, storage: 'f16' })
    const read = await readCheckpoint(outcome.out)
    expect(read.ok && read.value.config).toMatchObject({ num_hidden_layers: 2, vocab_size: keep })
    expect(outcome.before).toMatchObject({ layers: 3, tokens: vocabulary.length })
    expect(outcome.after).toMatchObject({ layers: 2, tokens: keep })
    expect(outcome.after.weightsBytes).toBeLessThan(outcome.before.weightsBytes / 2)
    expect(outcome.after.queryEncoderBytes).toBeLessThan(outcome.before.queryEncoderBytes)
    expect(renderCompression(outcome)).toContain(`The model is in ${outcome.out}.`)
  })
  it('says of a model that stays too large that the edge will not take it', async () => {
    const outcome = await run({ layers: 2 })
    expect(renderCompression(outcome)).not.toContain('too large')
    const after = { ...outcome.after, queryEncoderBytes: 12_000_001 }
    expect(renderCompression({ ...outcome, after })).toContain('too large')
  })

  const huge = join(folder, 'huge')
  const cases: [string, Partial<CompressOptions>, string][] = [
    ['nothing to do', {}, 'Nothing to do'],
    ['a vocabulary without texts', { vocabulary: 60 }, '--vocabulary and --texts belong together'],
    ['texts without a vocabulary', { texts, layers: 2 }, '--vocabulary and --texts belong together'],
    ['no such model', { model: join(folder, 'none'), layers: 1 }, 'A checkpoint needs config.json'],
    ['no such texts', { vocabulary: 60, texts: join(folder, 'none') }, 'Cannot read'],
    ['the folder of the model itself', { out: `${model}/`, layers: 2 }, 'give another one'],
    ['more layers than there are', { layers: 4 }, 'The model has 3 layers; 4 cannot be kept'],
    ['more tokens than there are', { vocabulary: 5_000, texts }, 'tokens; 5000 cannot be kept'],
    ['fewer tokens than characters', { vocabulary: 7, texts }, 'or more'],
    ['a weight that f16 cannot hold', { model: huge, storage: 'f16' }, 'beyond 65504, which f16 cannot hold'],
  ]
  it.each(cases)('%s: one sentence, and nothing is written', async (_name, options, words) => {
    const weights = new Map(checkpoint.tensors)
    weights.set('embeddings.LayerNorm.bias', { shape: [16], data: new Float32Array(16).fill(1e6) })
    await writeCheckpoint(huge, { ...checkpoint, tensors: weights })
    const out = join(folder, 'refused')
    const failure = await run({ out, ...options }).catch((error) => error)
    expect(failure).toBeInstanceOf(Failure)
    expect(failure.message).toContain(words)
    expect((await readCheckpoint(out)).ok).toBe(false)
  })
})
