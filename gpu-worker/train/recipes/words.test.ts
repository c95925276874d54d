/** @file A model of another trade learns a shop's words first; one that knows them does not. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SPECIAL_TOKENS } from '../../../shared/text/train-wordpiece.ts'
import { tinyData, tinyItems, tinyPretrain } from '../../../test/fixtures/tiny-shop.ts'
import { createSeededCheckpoint } from '../../model/seeded.ts'
import { createJournal, type JournalEntry } from '../journal.ts'
import { parseRecipe } from '../recipe.ts'
import { runRecipe } from './run-recipe.ts'
import { fertility, learnVocabulary } from './words.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-words-'))
})
afterEach(() => rm(directory, { recursive: true }))

const size = { layers: 1, hidden: 16, heads: 2, intermediate: 32, positions: 64 }
const modelOf = (vocabulary: readonly string[]) =>
  createSeededCheckpoint({ vocabulary, seed: 1, ...size, toTrain: true })
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz0123456789']
const stranger = modelOf([...SPECIAL_TOKENS, ...LETTERS, ...LETTERS.map((letter) => `##${letter}`), '.', ','])
const own = modelOf(learnVocabulary({ items: tinyItems, queries: [] }, 300))

async function tune(base: typeof own) {
  const recipe = parseRecipe({
    version: 1,
    recipe: 'search',
    words: { steps: 2, batchTokens: 256, vocabulary: 300 },
    contrastive: { ...tinyPretrain.contrastive, steps: 2, hardNegatives: 1 },
    rounds: 1,
  })
  if (!recipe.ok) throw new Error(recipe.error)
  const entries: JournalEntry[] = []
  const journal = createJournal({ directory, nowMs: () => 0, onEntry: (entry) => entries.push(entry) })
  const { model } = await runRecipe(recipe.value, tinyData, { base, directory, threads: 1, journal })
  const stages = entries.flatMap((entry) => (entry.event === 'stage-started' ? [entry.stage] : []))
  return { model, stages, words: entries.find((entry) => entry.event === 'words') }
}

describe('words of a shop', () => {
  it('are counted in pieces per word', () => {
    expect(fertility(own, tinyItems)).toBeLessThan(1.2)
    expect(fertility(stranger, tinyItems)).toBeGreaterThan(3)
  })
  it('are learnt by a model that would spell them', async () => {
    const { model, stages, words } = await tune(stranger)
    expect(words).toMatchObject({ adapted: true })
    expect(stages[0]).toBe('mlm')
    expect(model.vocabulary).toContain('kettle')
    expect(fertility(model, tinyItems)).toBeLessThan(1.2)
  })
  it('are left alone in a model that has them', async () => {
    const { model, stages, words } = await tune(own)
    expect(words).toMatchObject({ adapted: false })
    expect(stages).not.toContain('mlm')
    expect(model.vocabulary).toEqual(own.vocabulary)
  })
})
