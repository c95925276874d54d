/** @file Pretraining on a tiny shop: what it leaves in the journal, and learning categories beside the space. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tinyData, tinyItems, tinyPretrain } from '../../../test/fixtures/tiny-shop.ts'
import { DataError } from '../examples.ts'
import { createJournal, type JournalEntry } from '../journal.ts'
import { parseRecipe } from '../recipe.ts'
import { runRecipe } from './run-recipe.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-pretrain-'))
})
afterEach(() => rm(directory, { recursive: true }))

async function pretrain(change: object, data = tinyData) {
  const recipe = parseRecipe({ ...tinyPretrain, ...change })
  if (!recipe.ok) throw new Error(recipe.error)
  const entries: JournalEntry[] = []
  const journal = createJournal({ directory, nowMs: () => 0, onEntry: (entry) => entries.push(entry) })
  const trained = await runRecipe(recipe.value, data, { base: null, directory, threads: 1, journal })
  const of = <E extends JournalEntry['event']>(event: E) =>
    entries.filter((entry): entry is Extract<JournalEntry, { event: E }> => entry.event === event)
  return { trained, of }
}

describe('the journal of a pretraining', () => {
  it('has the same few held-out queries at each validation, with what was found', async () => {
    const { of } = await pretrain({})
    const samples = of('samples')
    expect(samples.map(({ stage, step }) => `${stage} ${step}`)).toEqual(
      [2, 4, 6, 8].map((step) => `contrastive ${step}`),
    )
    const queriesAt = samples.map((entry) => entry.samples.map(({ query }) => query))
    expect(new Set(queriesAt.map(String)).size).toBe(1)
    for (const { documents } of samples.flatMap((entry) => entry.samples)) expect(documents).toHaveLength(3)
    expect(of('step').every(({ losses }) => losses === undefined)).toBe(true)
  })
})

describe('learning categories beside the space', () => {
  const contrastive = { ...tinyPretrain.contrastive, steps: 60, rate: 1e-2, validateEverySteps: 60 }

  it('lowers both losses and leaves no head behind', async () => {
    const { trained, of } = await pretrain({ categoryWeight: 1, contrastive })
    const losses = of('step').flatMap((entry) => (entry.losses ? [entry.losses] : []))
    expect(losses).toHaveLength(6)
    expect(Object.keys(losses[0]!)).toEqual(['made-up', 'category'])
    expect(losses.at(-1)!.category!).toBeLessThan(0.9 * Math.log(6)) // six categories, equally many items
    expect(losses.at(-1)!['made-up']!).toBeLessThan(losses[0]!['made-up']!)
    expect([...trained.model.heads.keys()]).toEqual([])
  })

  it('needs categories', async () => {
    const items = tinyItems.map((item) => ({ ...item, category: [] }))
    await expect(pretrain({ categoryWeight: 1 }, { ...tinyData, items })).rejects.toThrow(DataError)
    await expect(pretrain({ categoryWeight: 0 }, { ...tinyData, items })).resolves.toBeDefined()
  })
})
