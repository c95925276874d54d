/** @file Which category a text belongs to, learnt from the items that have one. */
import { classify } from '../../../shared/metrics/classification.ts'
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { classifierSpecs, withoutHead } from '../../model/heads.ts'
import { createCategoryTask, labelByCategory } from '../data/category-task.ts'
import { shuffled } from '../data/order.ts'
import type { TrainingData } from '../examples.ts'
import type { RecipeOf } from '../recipe.ts'
import { encodeTexts } from '../retrieval-metric.ts'
import { type Context, runStage } from '../run-stage.ts'
import { deltaOf, type Trained } from './trained.ts'

export async function trainClassifier(
  recipe: RecipeOf<'classify-category'>,
  data: TrainingData,
  base: Checkpoint,
  context: Context,
): Promise<Trained> {
  const { labels, examples } = labelByCategory(data.items)
  const order = shuffled(examples.length, recipe.seed, 0)
  const heldOutCount = Math.max(1, Math.floor(examples.length * recipe.validationShare))
  const heldOut = Array.from(order.subarray(0, heldOutCount), (at) => examples[at]!)
  const training = Array.from(order.subarray(heldOutCount), (at) => examples[at]!)
  const { maxTokens } = recipe.training
  const head = classifierSpecs(base.config, labels.length)
  const task = createCategoryTask(training, {
    ...{ tokenizer: createWordPiece(base), ...recipe.training, seed: recipe.seed, weight: 1 },
    classes: labels.length,
  })
  const measure = async (model: Checkpoint) => {
    const texts = heldOut.map(({ text }) => text)
    const vectors = await encodeTexts(model, texts, context, maxTokens)
    const guesses = vectors.map((vector) => guessLabel(model, vector))
    return classify(
      heldOut.map(({ label }) => label),
      guesses,
      labels.length,
    )
  }
  const outcome = await runStage(
    {
      name: 'classify-category',
      base: withoutHead(base, head), // another shop's classes are of no use
      heads: head,
      settings: recipe.training,
      seed: recipe.seed,
      tasks: [task],
      metric: { name: 'macro F1', of: async (model) => ({ value: (await measure(model)).macroF1 }) },
    },
    context,
  )
  const { accuracy, macroF1 } = await measure(outcome.model)
  return {
    model: outcome.model,
    delta: deltaOf(base, recipe.training.tuning, outcome, labels),
    labels,
    metrics: { accuracy, 'macro F1': macroF1, categories: labels.length, 'items held out': heldOut.length },
  }
}

/** argmax of W v + b for the vector of a text. */
function guessLabel({ heads }: Checkpoint, vector: Float32Array): number {
  const weight = heads.get('classifier.weight')!
  const bias = heads.get('classifier.bias')!
  const width = weight.shape[1]!
  let best = 0
  let top = Number.NEGATIVE_INFINITY
  for (let label = 0; label < weight.shape[0]!; label++) {
    let score = bias.data[label]!
    for (let i = 0; i < width; i++) score += weight.data[label * width + i]! * vector[i]!
    if (score > top) [best, top] = [label, score]
  }
  return best
}
