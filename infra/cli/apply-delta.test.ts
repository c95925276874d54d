import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCheckpoint, writeCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { createSeededCheckpoint } from '../../gpu-worker/model/seeded.ts'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { tinyItems } from '../../test/fixtures/tiny-shop.ts'
import { type ApplyDeltaOptions, applyDeltaFile, renderAppliedDelta } from './apply-delta.ts'
import { Failure } from './failure.ts'
import { trainModel } from './train.ts'

const folder = mkdtempSync(join(tmpdir(), 'aisle-delta-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const delta = at('trained/delta.safetensors')

const size = { layers: 1, hidden: 16, heads: 2, positions: 64 }
const vocabulary = trainWordPiece(
  tinyItems.map(({ title }) => title),
  { size: 120, lowercase: true },
)
beforeAll(async () => {
  await writeCheckpoint(at('base'), createSeededCheckpoint({ vocabulary, seed: 1, ...size }))
  await writeCheckpoint(at('other'), createSeededCheckpoint({ vocabulary, seed: 2, ...size }))
  writeFileSync(at('shop.ndjson'), tinyItems.map((item) => JSON.stringify(item)).join('\n'))
  const training = { steps: 2, batch: 8, maxTokens: 16, tuning: { kind: 'lora', rank: 2 } }
  writeFileSync(at('recipe.json'), JSON.stringify({ version: 1, recipe: 'classify-category', training }))
  await trainModel({
    recipe: at('recipe.json'),
    catalog: [at('shop.ndjson')],
    base: at('base'),
    out: at('trained'),
    threads: 1,
    quiet: true,
  })
})
const run = (options: Partial<ApplyDeltaOptions> = {}) =>
  applyDeltaFile({ base: at('base'), delta, out: at('made'), ...options })

describe('aisle apply-delta', () => {
  it('makes the model folder that the training left, byte for byte', async () => {
    const outcome = await run()
    expect(renderAppliedDelta(outcome)).toContain('what lora learnt')
    for (const name of ['config.json', 'vocab.txt', 'model.safetensors', 'labels.json'])
      expect(readFileSync(join(at('made'), name)).equals(readFileSync(join(at('trained'), name)))).toBe(true)
    const [alone, whole] = [delta, at('made/model.safetensors')].map((file) => readFileSync(file).length)
    expect(alone!).toBeLessThan(whole! / 4)
  })

  const cases: [string, Partial<ApplyDeltaOptions>, string][] = [
    ['another base', { base: at('other') }, 'it belongs to the base bert-1x16-'],
    ['no such base', { base: at('none') }, 'A checkpoint needs config.json'],
    ['no such delta', { delta: at('none') }, 'Cannot read'],
    ['the weights of a model', { delta: at('base/model.safetensors') }, 'not a delta of Aisle'],
    ['the folder of the base itself', { out: `${at('base')}/` }, 'give another one'],
  ]
  it.each(cases)('%s: one sentence, and nothing is written', async (_name, options, words) => {
    const out = at('refused')
    const failure = await run({ out, ...options }).catch((error) => error)
    expect(failure).toBeInstanceOf(Failure)
    expect(failure.message).toContain(words)
    expect((await readCheckpoint(out)).ok).toBe(false)
  })
})
