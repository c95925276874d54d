/** @file A disk without room while a real run keeps its state: what it says, and that nothing is lost. */
import { symlinkSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { tinyData, tinyItems } from '../../test/fixtures/tiny-shop.ts'
import { modelId } from '../model/checkpoint.ts'
import { createSeededCheckpoint } from '../model/seeded.ts'
import { createJournal, type ProgressLine } from './journal.ts'
import { parseRecipe } from './recipe.ts'
import { runRecipe } from './recipes/run-recipe.ts'
import { SaveError } from './trainer.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-save-'))
})
afterEach(() => rm(directory, { recursive: true }))

const vocabulary = trainWordPiece(
  tinyItems.map(({ title }) => title),
  { size: 150, lowercase: true },
)
const base = createSeededCheckpoint({ vocabulary, seed: 1, layers: 1, hidden: 16, heads: 2, positions: 64 })
const recipe = parseRecipe({
  version: 1,
  recipe: 'classify-category',
  training: { steps: 5, batch: 4, maxTokens: 8, validateEverySteps: 5, saveEverySteps: 1 },
})
const run = (folder: string, onProgress: (line: ProgressLine) => void = () => {}) => {
  if (!recipe.ok) throw new Error(recipe.error)
  const journal = createJournal({ directory: folder, nowMs: () => 0, onProgress })
  return runRecipe(recipe.value, tinyData, { base, directory: folder, threads: 1, journal })
}
const STATE = 'classify-category.state.safetensors'
/** From a step on, every write of the state says that the disk is full. */
const fillDiskAt = (folder: string, step: number) => (line: ProgressLine) => {
  if (line.step === step) symlinkSync('/dev/full', join(folder, `${STATE}.draft`))
}

it('a full disk: the state before is whole, the run says which step that is, and goes on from there', async () => {
  const whole = await run(join(directory, 'whole'))
  const folder = join(directory, 'full')
  const failure = await run(folder, fillDiskAt(folder, 3)).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(SaveError)
  expect((failure as SaveError).message).toMatch(
    /^The state after step 3 could not be written to .*ENOSPC.*\. That of step 2 is whole: make room/,
  )
  expect(await readdir(folder)).not.toContain(`${STATE}.draft`)
  const steps: number[] = []
  const resumed = await run(folder, ({ step }) => steps.push(step))
  expect(steps).toEqual([3, 4, 5])
  expect(modelId(resumed.model)).toBe(modelId(whole.model))
})

it('a disk that is full from the start: the run does not promise what there is not', async () => {
  const failure = await run(directory, fillDiskAt(directory, 1)).catch((error: unknown) => error)
  expect((failure as SaveError).message).toContain('There is none from before: make room and start again.')
})
