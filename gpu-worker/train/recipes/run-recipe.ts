/** @file From a recipe and data to a model: the one door to training, for the command line and for the queue. */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { DataError, type TrainingData } from '../examples.ts'
import type { Recipe } from '../recipe.ts'
import type { Context } from '../run-stage.ts'
import { tuneRecipe } from '../tune/tune.ts'
import { trainClassifier } from './classify-category.ts'
import { tuneForCoPurchase } from './co-purchase.ts'
import { distilQueryEncoder } from './distil-query-encoder.ts'
import { pretrain } from './pretrain.ts'
import { tuneForSearch } from './search.ts'
import type { Trained } from './trained.ts'

export type RunOptions = Omit<Context, 'fingerprint' | 'sharedDirectory'> & {
  /** What to start from; every recipe but `pretrain` needs one. */
  base: Checkpoint | null
}

/**
 * @throws DataError     when the data cannot teach what the recipe wants
 * @throws StateError    when the folder holds the state of another run
 * @throws StageStopped  on a signal, or when the loss is no number
 */
export async function runRecipe(recipe: Recipe, data: TrainingData, options: RunOptions): Promise<Trained> {
  const { base, ...given } = options
  const context: Context = {
    ...given,
    sharedDirectory: given.directory,
    fingerprint: fingerprintOf(recipe, data),
  }
  if ('backTranslation' in recipe && recipe.backTranslation && !given.translator)
    throw new DataError(
      'The recipe asks for back-translation, which calls a service of your own: train it with "aisle train".',
    )
  const train = (one: Recipe, its: Context) => trainOnce(one, data, base, its)
  return recipe.tune
    ? tuneRecipe({ recipe, context, train, nowMs: () => Date.now() })
    : train(recipe, context)
}

async function trainOnce(
  recipe: Recipe,
  data: TrainingData,
  base: Checkpoint | null,
  context: Context,
): Promise<Trained> {
  await mkdir(context.directory, { recursive: true })
  if (recipe.recipe === 'pretrain') return pretrain(recipe, data, context)
  if (!base)
    throw new DataError(
      `The recipe "${recipe.recipe}" tunes a model: give it a base, or run "pretrain" first.`,
    )
  switch (recipe.recipe) {
    case 'search':
      return tuneForSearch(recipe, data, base, context)
    case 'co-purchase':
      return tuneForCoPurchase(recipe, data, base, context)
    case 'classify-category':
      return trainClassifier(recipe, data, base, context)
    case 'distil-query-encoder':
      return distilQueryEncoder(recipe, data, base, context)
  }
}

/** Equal for equal recipe and data, on every machine. A search that is given more time is the same search. */
export function fingerprintOf(recipe: Recipe, data: TrainingData): string {
  const timeless = recipe.tune ? { ...recipe, tune: { ...recipe.tune, minutes: undefined } } : recipe
  const hash = createHash('sha256').update(JSON.stringify(timeless))
  for (const item of data.items) hash.update(JSON.stringify(item))
  for (const judgment of data.judgments) hash.update(JSON.stringify(judgment))
  for (const basket of data.baskets) hash.update(JSON.stringify(basket))
  for (const query of data.queries) hash.update(JSON.stringify(query))
  return hash.digest('hex')
}
