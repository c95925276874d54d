import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tinyItems } from '../../../test/fixtures/tiny-shop.ts'
import { createReranker } from '../../encode/reranker.ts'
import { type RelevanceModel, readRelevance, writeRelevance } from '../../model/relevance.ts'
import { createSeededCheckpoint } from '../../model/seeded.ts'
import type { Judgment, TrainingData } from '../examples.ts'
import { createJournal } from '../journal.ts'
import { Recipe, type RecipeOf } from '../recipe.ts'
import { type Context, StageStopped } from '../run-stage.ts'
import { type TaughtRelevance, teachRelevance } from './relevance.ts'
import { learnVocabulary } from './words.ts'

/** 3 for the item, 2 for another colour, 1 for another kind. */
const judgments: Judgment[] = tinyItems.flatMap((item, at) => {
  const [kind, colour] = item.id.split('-')
  const others = [tinyItems[(at + 9) % tinyItems.length]!, tinyItems[(at + 23) % tinyItems.length]!]
  const sibling = tinyItems.find(({ id }) => id !== item.id && id.startsWith(`${kind}-`))!
  return [
    { item, relevance: 3 },
    { item: sibling, relevance: 2 },
    ...others.map((other) => ({ item: other, relevance: 1 })),
  ].map((one) => ({ query: `${colour} ${kind}`, itemId: one.item.id, relevance: one.relevance }))
})
const data: TrainingData = { items: tinyItems, judgments, baskets: [], queries: [] }
const base = createSeededCheckpoint({
  vocabulary: learnVocabulary({ items: tinyItems, queries: [] }, 200),
  seed: 3,
  layers: 1,
  hidden: 16,
  heads: 2,
  intermediate: 32,
  positions: 48,
  toTrain: true,
})
const { relevance: settings } = Recipe.parse({
  version: 1,
  recipe: 'search',
  relevance: {
    folds: 2,
    crossEncoder: { gainMin: -1, steps: 6, batch: 8, maxTokens: 24, saveEverySteps: 2 },
    trees: { count: 20, leaves: 4, leafRowsMin: 2, ridge: 1, rate: 0.3 },
  },
}) as RecipeOf<'search'>

let directory: string
let taught: TaughtRelevance
const contextOf = (folder: string, signal?: AbortSignal): Context => ({
  directory: join(directory, folder),
  sharedDirectory: join(directory, folder),
  threads: 1,
  journal: createJournal({ directory: join(directory, folder), nowMs: () => 0 }),
  fingerprint: 'tiny',
  ...(signal ? { signal } : {}),
})
const teach = (folder: string, signal?: AbortSignal) =>
  teachRelevance(data, base, settings, 1, contextOf(folder, signal))
const pairs = [
  { query: 'red lamp', title: 'small red lamp' },
  { query: 'red lamp', title: 'large green lamp' },
  { query: 'red lamp', title: 'tall oak table' },
]
const scoresOf = async (model: RelevanceModel, of = pairs) => {
  const reranker = await createReranker(model, { threads: 1 })
  const scores = await reranker.score(of)
  await reranker.close()
  return scores
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-relevance-'))
  taught = (await teach('whole'))!
})
afterAll(() => rm(directory, { recursive: true }))

describe('a model that was taught relevance', () => {
  it('orders what people ordered, on their scale', async () => {
    const scores = await scoresOf(taught.model)
    expect(scores[0]).toBeGreaterThan(scores[1]!)
    expect(scores[1]).toBeGreaterThan(scores[2]!)
    for (const score of scores) expect(score >= 1 && score <= 3).toBe(true)
    expect(taught.metrics['pair accuracy with cross-encoders, cross-validated']).toBeGreaterThan(0.8)
    expect(taught.metrics['RMSE with cross-encoders, cross-validated']).toBeLessThan(0.5)
  })

  it('leaves out cross-encoders that add too little', async () => {
    const crossEncoder = { ...settings.crossEncoder, gainMin: 1 }
    const { model, metrics } = (await teachRelevance(
      data,
      base,
      { ...settings, crossEncoder },
      1,
      contextOf('words'),
    ))!
    expect(metrics['cross-encoders kept']).toBe(0)
    expect([model.crossEncoders, model.head.crossEncoders]).toEqual([[], 0])
    const scores = await scoresOf(model)
    expect(scores[0]).toBeGreaterThan(scores[1]!)
    expect(taught.metrics['cross-encoders kept']).toBe(settings.folds)
    expect(taught.model.crossEncoders).toHaveLength(settings.folds)
  })

  it('says the same of a pair alone as among others', async () => {
    const together = await scoresOf(taught.model)
    const alone = await scoresOf(taught.model, pairs.slice(1, 2))
    // Batches of other shapes sum in another order.
    expect(alone[0]).toBeCloseTo(together[1]!, 3)
  })

  it('comes back from its folder as it was', async () => {
    await writeRelevance(directory, taught.model)
    const read = await readRelevance(directory)
    expect(read.ok && read.value?.head).toEqual(taught.model.head)
    expect(read.ok && (await scoresOf(read.value!))).toEqual(await scoresOf(taught.model))
    expect(await readRelevance(join(directory, 'whole'))).toEqual({ ok: true, value: null })
  })

  it('is the same after a stop as without one', async () => {
    const stop = new AbortController()
    const journal = createJournal({
      directory: join(directory, 'stopped'),
      nowMs: () => 0,
      onProgress: ({ stage, step }) => stage === 'relevance-2' && step === 3 && stop.abort(),
    })
    const stopped = teachRelevance(data, base, settings, 1, { ...contextOf('stopped', stop.signal), journal })
    await expect(stopped).rejects.toThrow(StageStopped)
    const resumed = (await teach('stopped'))!
    expect(resumed.model.head).toEqual(taught.model.head)
    expect(await scoresOf(resumed.model)).toEqual(await scoresOf(taught.model))
  })

  it('is not made of judgments without grades, of too few, or when it is not wanted', async () => {
    const clicks = { ...data, judgments: judgments.filter(({ relevance }) => relevance !== 2) }
    const few = { ...data, judgments: judgments.slice(0, 12) }
    for (const [given, when] of [
      [clicks, 'graded'],
      [few, 'graded'],
      [data, 'never'],
    ] as const)
      expect(await teachRelevance(given, base, { ...settings, when }, 1, contextOf('none'))).toBeNull()
  })
})
