/** @file Few parameters tuned on a frozen base, by real recipes on a tiny shop: what is kept apart from the base. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { trainWordPiece } from '../../../shared/text/train-wordpiece.ts'
import { tinyData, tinyItems } from '../../../test/fixtures/tiny-shop.ts'
import { type Checkpoint, checkpointFiles, modelId } from '../../model/checkpoint.ts'
import { applyDelta, type Delta, decodeDelta, encodeDelta } from '../../model/delta.ts'
import { createSeededCheckpoint } from '../../model/seeded.ts'
import { DataError } from '../examples.ts'
import { createJournal } from '../journal.ts'
import { parseRecipe } from '../recipe.ts'
import { runRecipe } from './run-recipe.ts'
import type { Trained } from './trained.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-deltas-'))
})
afterEach(() => rm(directory, { recursive: true }))

const vocabulary = trainWordPiece(
  tinyItems.flatMap(({ title, description }) => [title, description]),
  { size: 200, lowercase: true },
)
const base = createSeededCheckpoint({
  ...{ vocabulary, seed: 1, layers: 1, hidden: 16, heads: 2, positions: 64, toTrain: true },
})
let runs = 0
function tune(given: object, on: Checkpoint = base): Promise<Trained> {
  const recipe = parseRecipe({ version: 1, ...given })
  if (!recipe.ok) throw new Error(recipe.error)
  const own = join(directory, `${runs++}`)
  const journal = createJournal({ directory: own, nowMs: () => 0 })
  return runRecipe(recipe.value, tinyData, { base: on, directory: own, threads: 1, journal })
}
/** A recipe in two rounds, of which the second goes on with what the first has tuned. */
const searchWith = (tuning: object, seed = 1) => ({
  recipe: 'search',
  seed,
  madeUpWeight: 0,
  contrastive: {
    ...{ steps: 20, pairs: 8, rate: 0.01, validateEverySteps: 10, hardNegatives: 0, noise: 0 },
    ...{ maxQueryTokens: 8, maxDocumentTokens: 8, tuning },
  },
})
const bytesOf = (checkpoint: Checkpoint) => checkpointFiles(checkpoint).map(({ bytes }) => Buffer.from(bytes))
/** By way of its file, as another machine would. */
const apply = (delta: Delta, on = base): Checkpoint => {
  const read = decodeDelta(encodeDelta(delta))
  const applied = read.ok ? applyDelta(on, read.value) : read
  if (!applied.ok) throw new Error(applied.error)
  return applied.value
}

describe('a delta of a real run', () => {
  it.each([
    { kind: 'lora', rank: 2 },
    { kind: 'adalora', rank: 4, targetRank: 1 },
    { kind: 'adapter', size: 4 },
  ])(
    'with $kind is what its base lacks: two of them make two trained models, bit for bit',
    async (tuning) => {
      const trained = [await tune(searchWith(tuning, 1)), await tune(searchWith(tuning, 2))]
      for (const { model, delta } of trained) {
        expect(delta!.base).toBe(modelId(base))
        expect(bytesOf(apply(delta!))).toEqual(bytesOf(model))
      }
      const ids = [base, ...trained.map(({ model }) => model)].map(modelId)
      expect(new Set(ids).size).toBe(3)
    },
  )

  it('of AdaLoRA holds as many ranks as the budget has left at its end', async () => {
    const { delta } = await tune(searchWith({ kind: 'adalora', rank: 4, targetRank: 1 }))
    const ranks = [...delta!.tensors].flatMap(([name, { shape }]) =>
      name.endsWith('.lora_E') ? [shape[0]!] : [],
    )
    // Query and value of one layer: a mean of one rank each.
    expect(ranks.reduce((sum, rank) => sum + rank, 0)).toBe(2)
  })

  it('of a classifier has the head and the names of its classes', async () => {
    const training = { steps: 2, batch: 8, maxTokens: 16, tuning: { kind: 'adapter', size: 4 } }
    const { model, delta, labels } = await tune({ recipe: 'classify-category', training })
    expect(delta!.labels).toEqual(labels)
    expect(delta!.tensors.get('classifier.weight')!.shape).toEqual([6, 16])
    expect(bytesOf(apply(delta!))).toEqual(bytesOf(model))
    // The head of an earlier shop gives way, on both ways to the model.
    const again = await tune({ recipe: 'classify-category', seed: 2, training }, model)
    expect(bytesOf(apply(again.delta!, model))).toEqual(bytesOf(again.model))
  })

  it('does not come of a run in which every weight moved', async () => {
    expect((await tune(searchWith({ kind: 'full' }))).delta).toBeNull()
  })
})

describe('adapters of the base', () => {
  it('are tuned further by adapters of their size, refused for others, and kept by everything else', async () => {
    const first = await tune(searchWith({ kind: 'adapter', size: 4 }))
    const further = await tune(searchWith({ kind: 'adapter', size: 4 }, 2), first.model)
    expect(bytesOf(apply(further.delta!, first.model))).toEqual(bytesOf(further.model))
    expect(modelId(further.model)).not.toBe(modelId(first.model))

    const other = tune(searchWith({ kind: 'adapter', size: 8 }), first.model)
    await expect(other).rejects.toThrow(DataError)
    await expect(other).rejects.toThrow('adapter.down.weight has shape [4, 16], the recipe asks for [8, 16]')

    const onTop = await tune(searchWith({ kind: 'lora', rank: 2 }), first.model)
    expect(onTop.model.heads).toEqual(first.model.heads)
    expect(bytesOf(apply(onTop.delta!, first.model))).toEqual(bytesOf(onTop.model))
  })
})
