/**
 * @file A model from nothing but a catalogue. First the words (masked language model over titles and descriptions), then the
 * space: a title belongs to its description, and a made-up query to the items whose titles share it.
 */
import { createRandom, type Random } from '../../../shared/lib/random.ts'
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import { classifierSpecs, withoutHead } from '../../model/heads.ts'
import { createSeededCheckpoint } from '../../model/seeded.ts'
import { createCategoryTask, labelByCategory } from '../data/category-task.ts'
import { shuffled } from '../data/order.ts'
import { DataError, type TrainingData, type TrainingItem, textOf } from '../examples.ts'
import type { RecipeOf } from '../recipe.ts'
import { measureRetrieval, type RetrievalProbe } from '../retrieval-metric.ts'
import { type Context, runStage } from '../run-stage.ts'
import { prepareRephrasing } from '../translate/back-translate.ts'
import { contrastiveTask, createMadeUpPairs, phrasesOf } from './pairs.ts'
import type { Trained } from './trained.ts'
import { learnVocabulary, learnWords } from './words.ts'

/** Fewer items teach nothing about words. */
const ITEMS_MIN = 20
/** Items kept out of training, to measure on: this share, at most so many. */
const HELD_OUT = { share: 0.03, max: 400 }
/** Documents among which a held-out item is looked for. */
const PROBE_DOCUMENTS = 3_000
export async function pretrain(
  recipe: RecipeOf<'pretrain'>,
  data: TrainingData,
  context: Context,
): Promise<Trained> {
  const items = distinct(data.items)
  if (items.length < ITEMS_MIN)
    throw new DataError(
      `Pretraining needs at least ${ITEMS_MIN} items with different texts; there are ${items.length}.`,
    )
  const order = shuffled(items.length, recipe.seed, 0)
  const heldOutCount = Math.max(1, Math.min(HELD_OUT.max, Math.floor(items.length * HELD_OUT.share)))
  const heldOut = Array.from(order.subarray(0, heldOutCount), (at) => items[at]!)
  const training = Array.from(order.subarray(heldOutCount), (at) => items[at]!)

  const categories = recipe.categoryWeight > 0 ? labelByCategory(training) : null
  const rephrase = await prepareRephrasing(recipe.backTranslation, phrasesOf(training), context)
  const texts = { items: training, queries: data.queries }
  const vocabulary = learnVocabulary(texts, recipe.vocabulary)
  const { layers, hidden, heads, intermediate, positions } = recipe.size
  const start = createSeededCheckpoint({
    vocabulary,
    seed: recipe.seed,
    layers,
    hidden,
    heads,
    intermediate,
    positions,
    toTrain: true,
  })
  const tokenizer = createWordPiece(start)
  const base = await learnWords(start, texts, recipe.mlm, recipe.seed, context)
  const categoryHead = categories ? classifierSpecs(base.config, categories.labels.length) : []
  const probe = knownItemProbe(heldOut, training, createRandom(recipe.seed))
  const space = await runStage(
    {
      name: 'contrastive',
      base,
      heads: categoryHead,
      settings: recipe.contrastive,
      seed: recipe.seed,
      tasks: [
        contrastiveTask({
          name: 'made-up',
          source: createMadeUpPairs(training, recipe.contrastive, rephrase),
          tokenizer,
          settings: recipe.contrastive,
          weight: 1,
          seed: recipe.seed,
        }),
        ...(categories
          ? [
              createCategoryTask(categories.examples, {
                classes: categories.labels.length,
                tokenizer,
                batch: recipe.contrastive.pairs,
                maxTokens: recipe.contrastive.maxDocumentTokens,
                weight: recipe.categoryWeight,
                seed: recipe.seed,
              }),
            ]
          : []),
      ],
      metric: { name: 'MRR@10', of: (model) => measureRetrieval(model, probe, context) },
    },
    context,
  )
  return {
    model: withoutHead(space.model, categoryHead),
    delta: null, // its base is the model of words alone, which is not kept
    metrics: { 'MRR@10 of held-out items': space.best?.metric ?? 0, items: items.length },
  }
}

/** Items whose texts differ: a text twice would be its own negative. */
function distinct(items: readonly TrainingItem[]): TrainingItem[] {
  return [...new Map(items.map((item) => [textOf(item), item])).values()]
}

/** A few words of the title or of the description, and the item is the one answer among thousands. */
function knownItemProbe(
  heldOut: readonly TrainingItem[],
  others: readonly TrainingItem[],
  random: Random,
): RetrievalProbe {
  const queries = heldOut.map(({ title, description }) => {
    const words = (description || title).split(/\s+/)
    const count = Math.min(words.length, 3 + Math.floor(random() * 4))
    const from = Math.floor(random() * (words.length - count + 1))
    return words.slice(from, from + count).join(' ')
  })
  return {
    queries,
    documents: [...heldOut, ...others.slice(0, PROBE_DOCUMENTS - heldOut.length)].map(textOf),
    score: (query, ranking) => {
      const rank = ranking.slice(0, 10).indexOf(query)
      return rank === -1 ? 0 : 1 / (rank + 1)
    },
  }
}
