/** @file Data that teach nothing, or are strange: every recipe ends with a sentence before its first step, or with a model. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { trainWordPiece } from '../../../shared/text/train-wordpiece.ts'
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import { tinyData, tinyItems, tinyPretrain } from '../../../test/fixtures/tiny-shop.ts'
import { createSeededCheckpoint } from '../../model/seeded.ts'
import { createCategoryTask } from '../data/category-task.ts'
import { DataError, type TrainingData } from '../examples.ts'
import { createJournal, type JournalEntry } from '../journal.ts'
import { parseRecipe, RECIPES } from '../recipe.ts'
import { runRecipe } from './run-recipe.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-bad-data-'))
})
afterEach(() => rm(directory, { recursive: true }))

const vocabulary = trainWordPiece(
  tinyItems.map(({ title }) => title),
  { size: 150, lowercase: true },
)
const base = createSeededCheckpoint({ vocabulary, seed: 1, layers: 1, hidden: 16, heads: 2, positions: 64 })

/** Two steps of each recipe, on few shapes of batch. */
const contrastive = {
  ...{ steps: 2, pairs: 4, hardNegatives: 0, noise: 0, validateEverySteps: 2 },
  ...{ maxQueryTokens: 8, maxDocumentTokens: 8 },
}
const small: Record<string, object> = {
  pretrain: { ...tinyPretrain, mlm: { ...tinyPretrain.mlm, steps: 2 }, contrastive },
  search: { rounds: 1, madeUpWeight: 0, contrastive },
  'co-purchase': { contrastive },
  'classify-category': { training: { steps: 2, batch: 4, maxTokens: 8 } },
  'distil-query-encoder': { layers: 1, training: { steps: 2, batch: 4, maxTokens: 8, documents: 4 } },
}
async function run(name: string, data: Partial<TrainingData>) {
  const recipe = parseRecipe({ version: 1, recipe: name, ...small[name] })
  if (!recipe.ok) throw new Error(recipe.error)
  const entries: JournalEntry[] = []
  const journal = createJournal({ directory, nowMs: () => 0, onEntry: (entry) => entries.push(entry) })
  const whole = { ...tinyData, ...data }
  const ended = runRecipe(recipe.value, whole, { base, directory, threads: 1, journal })
  const error = await ended.then(
    () => null,
    (reason: unknown) => reason,
  )
  return { trained: error === null ? await ended : null, error, entries }
}

const nothing: TrainingData = { items: [], judgments: [], baskets: [], queries: [] }
const [first] = tinyItems
const oneRow: TrainingData = {
  items: [first!],
  judgments: [{ query: 'lamp', itemId: first!.id, relevance: 1 }],
  baskets: [[first!.id]],
  queries: ['lamp'],
}
const baskets = tinyItems.slice(1).map(({ id }) => [first!.id, id])
/** Other ids, one text. */
const sameItems: Partial<TrainingData> = { items: tinyItems.map(({ id }) => ({ ...first!, id })), baskets }
const sameButCategory = { items: tinyItems.map(({ id, category }) => ({ ...first!, id, category })) }
const cases: [recipe: string, what: string, Partial<TrainingData>, words: string][] = [
  ['pretrain', 'no row', nothing, 'at least 20 items with different texts; there are 0'],
  ['pretrain', 'one row', oneRow, 'at least 20 items with different texts; there are 1'],
  ['search', 'no row', nothing, 'judgments of at least 10 queries on items of the catalogue; there are 0'],
  ['search', 'one row', oneRow, 'judgments of at least 10 queries on items of the catalogue; there are 1'],
  ['co-purchase', 'no row', nothing, 'at least 20 baskets with two items of the catalogue; there are 0'],
  ['co-purchase', 'one row', oneRow, 'at least 20 baskets with two items of the catalogue; there are 0'],
  ['classify-category', 'no row', nothing, 'needs two of them with 5 items each; there are 0'],
  ['classify-category', 'one row', oneRow, 'needs two of them with 5 items each; there are 0'],
  ['distil-query-encoder', 'no row', nothing, 'no item to compare queries with'],
  ['distil-query-encoder', 'one row', oneRow, 'fewer than a batch of 4'],
  ['pretrain', 'one text for all items', sameItems, 'there are 1'],
  ['search', 'one text for all items', sameItems, 'all items that were judged relevant have the same text'],
  ['co-purchase', 'one text for all items', sameItems, 'all items in baskets have the same text'],
  [
    'classify-category',
    'one text for all items',
    sameButCategory,
    'all items with a category have the same text',
  ],
  [
    'search',
    'one query for all items',
    { judgments: tinyItems.map(({ id }) => ({ query: 'lamp', itemId: id, relevance: 1 })) },
    'at least 10 queries on items of the catalogue; there are 1',
  ],
  [
    'search',
    'no relevance above 0',
    { judgments: tinyData.judgments.map((judgment) => ({ ...judgment, relevance: 0 })) },
    'No judged query has a relevant item',
  ],
  [
    'search',
    'judgments of items that are gone',
    { judgments: tinyData.judgments.map((judgment) => ({ ...judgment, itemId: 'gone' })) },
    '96 judgments name items that the catalogue does not have',
  ],
]

describe('data that teach nothing', () => {
  it.each(cases)('%s with %s: a sentence, before the first step', async (name, _what, data, words) => {
    const { error, entries } = await run(name, data)
    expect(error).toBeInstanceOf(DataError)
    expect((error as Error).message).toContain(words)
    expect(entries.filter(({ event }) => event === 'step')).toEqual([])
  })

  it.each([6, -1, 0.5, Number.NaN])('refuses the label %f of six classes', (label) => {
    const options = { tokenizer: createWordPiece(base), classes: 6, batch: 4, maxTokens: 8 }
    const examples = [
      { text: 'a lamp', label: 5 },
      { text: 'a rug', label },
    ]
    const make = () => createCategoryTask(examples, { ...options, weight: 1, seed: 1 })
    expect(make).toThrow(DataError)
    expect(make).toThrow(`The label ${label} of "a rug" is none of 0 to 5.`)
  })
})

const hasNumbers = ({ tensors }: { tensors: ReadonlyMap<string, { data: Float32Array }> }) =>
  [...tensors.values()].every(({ data }) => data.every(Number.isFinite))

describe('strange data that can be learnt from', () => {
  const long = { word: 'a'.repeat(100_000), text: 'red lamp '.repeat(11_112) }
  const odd: Partial<TrainingData> = {
    items: [
      ...tinyItems,
      { ...first!, id: 'long-text', title: long.text, description: long.text },
      { ...first!, id: 'long-word', title: long.word, description: long.word },
      { ...first!, id: 'empty', title: '', description: '', category: [] },
    ],
    judgments: [
      ...tinyData.judgments,
      { query: long.text, itemId: 'long-text', relevance: 3 },
      { query: long.word, itemId: 'long-word', relevance: 3 },
    ],
    baskets: [...baskets, ['long-text', 'long-word', 'empty']],
    queries: [long.text, long.word, ''],
  }
  it.each(RECIPES)('%s takes texts of 100k characters, and empty ones', async (name) => {
    const { trained, error } = await run(name, odd)
    expect(error).toBeNull()
    expect(hasNumbers(trained!.model)).toBe(true)
  })

  it('search takes judgments that are all equal', async () => {
    const judgments = tinyItems.map(({ id, title }) => ({ query: title, itemId: id, relevance: 7 }))
    const { trained, error } = await run('search', { judgments })
    expect(error).toBeNull()
    expect(hasNumbers(trained!.model)).toBe(true)
  })
})
