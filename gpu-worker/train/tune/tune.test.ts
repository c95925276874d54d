/** @file A search for settings with real, tiny training: what is trained, what is kept, what a stop or the clock does. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { tinyData, tinyPretrain } from '../../../test/fixtures/tiny-shop.ts'
import { DataError } from '../examples.ts'
import { createJournal, JOURNAL_FILE, type JournalEntry } from '../journal.ts'
import { parseRecipe, type Recipe } from '../recipe.ts'
import { type RunOptions, runRecipe } from '../recipes/run-recipe.ts'
import type { Trained } from '../recipes/trained.ts'
import { StageStopped } from '../run-stage.ts'
import { StateError } from '../trainer.ts'
import { tuneRecipe } from './tune.ts'

const recipeOf = (tune: object): Recipe => {
  const parsed = parseRecipe({ ...tinyPretrain, tune: { candidates: 4, eta: 2, space, ...tune } })
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}
const space = { 'contrastive.rate': { log: [1e-4, 1e-2] }, 'contrastive.temperature': [0.03, 0.1] }

let directory: string
/** A search from beginning to end, in a folder of its own. */
let whole: { trained: Trained; directory: string }
const createFolder = () => mkdtemp(join(tmpdir(), 'aisle-tune-'))
beforeAll(async () => {
  directory = await createFolder()
  whole = { trained: await run(recipeOf({})), directory }
})
beforeEach(async () => {
  directory = await createFolder()
})
afterEach(() => rm(directory, { recursive: true }))
afterAll(() => rm(whole.directory, { recursive: true }))

const run = (recipe: Recipe, change: Partial<RunOptions> = {}, onEntry = (_: JournalEntry) => {}) => {
  const journal = createJournal({ directory, nowMs: () => Date.now(), onEntry })
  return runRecipe(recipe, tinyData, { base: null, directory, threads: 1, journal, ...change })
}
const bytesOf = ({ model }: Trained) =>
  Buffer.concat(
    [...model.tensors.values()].map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  )
const journalOf = async (folder: string): Promise<JournalEntry[]> =>
  (await readFile(join(folder, JOURNAL_FILE), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('a search', () => {
  it('trains each candidate up to its rung, no step twice, and the best to its end', async () => {
    const { trained } = whole
    const { rungs, candidates, winner, isCutShort, recipe } = trained.tuned!
    expect(rungs).toEqual([
      { candidates: 4, validations: 1 },
      { candidates: 2, validations: 2 },
      { candidates: 1, validations: 4 },
    ])
    expect(isCutShort).toBe(false)
    expect(candidates.map(({ metrics }) => metrics.length).sort()).toEqual([1, 1, 2, 3])
    expect(candidates[winner]!.metrics).toHaveLength(3)
    expect(trained.metrics['MRR@10 of held-out items']).toBe(candidates[winner]!.metrics.at(-1))

    const journal = await journalOf(whole.directory)
    const validations = journal.flatMap((entry) =>
      entry.event === 'validation' ? [`${entry.stage} ${entry.step}`] : [],
    )
    expect(validations).toHaveLength(4 * 1 + 2 * 1 + 1 * 2)
    expect(new Set(validations).size).toBe(validations.length)
    // All agree on the words, so they are learnt once.
    const wordsLearnt = journal.filter((one) => one.event === 'tensors' && one.stage.endsWith('/mlm'))
    expect(wordsLearnt).toHaveLength(1)
    expect(journal.filter(({ event }) => event === 'candidate')).toHaveLength(6)
    expect(await readdir(join(whole.directory, 'candidates'))).toEqual([`${winner}`])

    // The winner is what its recipe makes by itself, bit for bit.
    const alone = await run(recipe)
    expect(bytesOf(alone).equals(bytesOf(trained))).toBe(true)
  })

  it('goes on where it was stopped, to the same model and table', async () => {
    for (const stopAt of [2, 4]) {
      const stop = new AbortController()
      let seen = 0
      const onEntry = ({ event }: JournalEntry) => {
        if (event === 'validation' && ++seen === stopAt) stop.abort()
      }
      await expect(run(recipeOf({}), { signal: stop.signal }, onEntry)).rejects.toThrow(StageStopped)
    }
    const resumed = await run(recipeOf({}))
    expect(resumed.tuned).toEqual(whole.trained.tuned)
    expect(bytesOf(resumed).equals(bytesOf(whole.trained))).toBe(true)
  })

  describe('on a clock', () => {
    let aheadMs = 0
    const nowMs = () => Date.now() + aheadMs
    const MINUTE = 60_000
    /** A search on that clock, which each entry may put forward. */
    const search = (minutes: number, onEntry: (entry: JournalEntry) => void) => {
      const recipe = recipeOf({ minutes })
      const journal = createJournal({ directory, nowMs, onEntry })
      return tuneRecipe({
        recipe,
        context: { directory, sharedDirectory: directory, threads: 1, journal, fingerprint: 'one search' },
        train: (one, its) => runRecipe(one, tinyData, { base: null, ...its }),
        nowMs,
      })
    }

    it('keeps the time to finish the best, takes it when no more can be tried, and goes on with more', async () => {
      const slow = (entry: JournalEntry) => {
        if (entry.event === 'validation') aheadMs += MINUTE
      }
      // A validation is a minute, a whole run four: after two candidates of one each, the best needs three of the four left.
      const cut = (await search(6, slow)).tuned!
      expect(cut.isCutShort).toBe(true)
      expect(cut.candidates.map(({ metrics }) => metrics.length).sort()).toEqual([0, 0, 1, 2])
      expect(cut.candidates[cut.winner]!.metrics).toHaveLength(2)

      const { candidates, isCutShort } = (await search(60, slow)).tuned!
      expect(isCutShort).toBe(false)
      expect(candidates.map(({ metrics }) => metrics.length).sort()).toEqual([1, 1, 2, 3])
      expect(candidates.map(({ metrics }) => metrics[0]).slice(0, 2)).toEqual(
        cut.candidates.map(({ metrics }) => metrics[0]).slice(0, 2),
      )
    })

    it('says so when there was no time for a first validation', async () => {
      const search0 = search(6, (entry) => {
        if (entry.event === 'stage-started' && entry.stage.endsWith('contrastive')) aheadMs += 10 * MINUTE
      })
      await expect(search0).rejects.toThrow(DataError)
      await expect(search0).rejects.toThrow('first validation within 6 minutes')
    })
  })

  it('refuses the folder of another search, but takes the same one with other time', async () => {
    const own = { directory: whole.directory }
    await expect(run(recipeOf({ eta: 3 }), own)).rejects.toThrow(StateError)
    const again = await run(recipeOf({ minutes: 9 }), own)
    expect(bytesOf(again).equals(bytesOf(whole.trained))).toBe(true)
  })
})
