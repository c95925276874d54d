/** @file `aisle train` on files that cannot be used: one sentence for each, and whatever was there before stays as it was. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelId, readCheckpoint, writeCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { createSeededCheckpoint } from '../../gpu-worker/model/seeded.ts'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { tinyItems, tinyJudgments } from '../../test/fixtures/tiny-shop.ts'
import { Failure } from './failure.ts'
import { HOLD_FILE } from './hold-folder.ts'
import { type TrainOptions, trainModel } from './train.ts'

const folder = mkdtempSync(join(tmpdir(), 'aisle-train-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const write = (name: string, text: string) => {
  writeFileSync(at(name), text)
  return at(name)
}

const vocabulary = trainWordPiece(
  tinyItems.map(({ title }) => title),
  { size: 120, lowercase: true },
)
const checkpoint = createSeededCheckpoint({
  ...{ vocabulary, seed: 1, layers: 1, hidden: 16, heads: 2, positions: 64 },
})
const shop = write('shop.ndjson', tinyItems.map((item) => JSON.stringify(item)).join('\n'))
const judgments = (rows: readonly unknown[]) =>
  ['query,item_id,relevance', ...rows.map((row) => Object.values(row as object).join(','))].join('\n')
const training = { steps: 2, batch: 4, maxTokens: 8, validateEverySteps: 2 }
const classify = write('recipe.json', JSON.stringify({ version: 1, recipe: 'classify-category', training }))

beforeAll(async () => {
  const damage = async (name: string, change: (directory: string) => void) => {
    await writeCheckpoint(at(name), checkpoint)
    change(at(name))
  }
  await writeCheckpoint(at('base'), checkpoint)
  await damage('cut', (directory) => truncateSync(join(directory, 'model.safetensors'), 4_000))
  await damage('no-unk', (directory) =>
    writeFileSync(join(directory, 'vocab.txt'), vocabulary.filter((token) => token !== '[UNK]').join('\n')),
  )
  await damage('two-layers', (directory) => {
    const file = join(directory, 'config.json')
    const config = { ...JSON.parse(readFileSync(file, 'utf8')), num_hidden_layers: 2 }
    writeFileSync(file, JSON.stringify(config))
  })
  const weights = new Map(checkpoint.tensors)
  weights.set('embeddings.LayerNorm.bias', { shape: [16], data: new Float32Array(16).fill(Number.NaN) })
  await writeCheckpoint(at('not-a-number'), { ...checkpoint, tensors: weights })
})

let runs = 0
const train = (options: Partial<TrainOptions> = {}) =>
  trainModel({
    ...{ recipe: classify, catalog: [shop], base: at('base'), threads: 1, quiet: true },
    ...{ out: at(`out-${runs++}`), ...options },
  })
const failureOf = async (options: Partial<TrainOptions>): Promise<string> => {
  const error: unknown = await train(options).catch((reason) => reason)
  expect(error).toBeInstanceOf(Failure)
  return (error as Failure).message
}

describe('aisle train', () => {
  const search = { recipe: 'search' }
  const cases: [string, Partial<TrainOptions>, string][] = [
    ['an empty catalogue', { catalog: [write('empty', '')] }, 'is empty'],
    ['a catalogue of a header', { catalog: [write('head.csv', 'id,title\n')] }, 'has no usable item'],
    ['a catalogue of one row', { catalog: [write('one.csv', 'id,title\n1,Lamp\n')] }, 'there are 0'],
    ['no judgments', search, 'judgments of at least 10 queries on items of the catalogue; there are 0'],
    ['empty judgments', { ...search, judgments: write('none', '') }, 'is empty'],
    ['judgments of a header', { ...search, judgments: write('none.csv', judgments([])) }, 'has no judgment'],
    ...['-1', 'good', '1e999'].map((relevance): [string, Partial<TrainOptions>, string] => [
      `a relevance of ${relevance}`,
      {
        ...search,
        judgments: write(`${relevance}.csv`, judgments([tinyJudgments[0]!, ['lamp', 'lamp-red', relevance]])),
      },
      `line 3: the relevance "${relevance}" is not a number of 0 or more`,
    ]),
    ['no base', { base: at('nowhere') }, 'A checkpoint needs config.json'],
    ['a base that is cut off', { base: at('cut') }, 'lies outside the file'],
    ['a base without [UNK]', { base: at('no-unk') }, 'vocab.txt: has no [UNK]'],
    [
      'a base without tensors',
      { base: at('two-layers') },
      'has no tensor encoder.layer.1.attention.self.query',
    ],
    ['a base of no numbers', { base: at('not-a-number') }, 'was not a finite number at step 1'],
    ['a base that would be written over', { out: `${at('base')}/` }, 'give another one'],
  ]
  it.each(cases)('%s: one sentence', async (_name, options, words) => {
    const message = await failureOf(options)
    expect(message).toContain(words)
    expect(message).not.toMatch(/\n|^\s+at /)
  })

  it('a full disk when the model is written: the model before is whole, and the same command goes on', async () => {
    const out = at('full')
    await writeCheckpoint(out, checkpoint)
    symlinkSync('/dev/full', join(out, 'model.safetensors.draft')) // every write says that the disk is full
    expect(await failureOf({ out })).toMatch(/^There is no room left for .*ENOSPC/)
    const before = await readCheckpoint(out)
    expect(before.ok && modelId(before.value)).toBe(modelId(checkpoint))
    await train({ out })
    const after = await readCheckpoint(out)
    expect(after.ok && after.value.trained).toBe(true)
  })

  it('a folder in which another process is at work: one sentence; after that process, it is free', async () => {
    const out = at('held')
    mkdirSync(out)
    const other = spawn(process.execPath, ['--eval', 'process.stdin.resume()'])
    writeFileSync(join(out, HOLD_FILE), String(other.pid))
    expect(await failureOf({ out })).toContain(`Process ${other.pid} is at work in`)
    other.kill('SIGKILL')
    await once(other, 'exit')
    await train({ out })
    expect(existsSync(join(out, HOLD_FILE))).toBe(false)
  })

  it('a full disk when the journal is written: one sentence', async () => {
    const out = at('full-journal')
    mkdirSync(out)
    symlinkSync('/dev/full', join(out, 'journal.ndjson'))
    expect(await failureOf({ out })).toContain('There is no room left for')
  })
})
