/** @file Which category a text belongs to, learnt from the items that have one. */
import { classify } from '../../../shared/metrics/classification.ts'
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { classifierSpecs } from '../../model/heads.ts'
import { shuffled } from '../data/order.ts'
import { createTextBatches } from '../data/text-batches.ts'
import { DataError, type TrainingData, type TrainingItem } from '../examples.ts'
import { emitClassification } from '../objectives/classify.ts'
import type { RecipeOf } from '../recipe.ts'
import { encodeTexts } from '../retrieval-metric.ts'
import { type Context, runStage } from '../run-stage.ts'
import type { Task } from '../trainer.ts'
import type { Trained } from './trained.ts'

/** A category with fewer items cannot be both learnt and tested. */
const ITEMS_PER_CATEGORY_MIN = 5

/** Without its category, which is to be guessed. */
const textWithout = ({ title, brand, description }: TrainingItem): string =>
  [title, brand, description].filter(Boolean).join('. ')

export async function trainClassifier(
  recipe: RecipeOf<'classify-category'>,
  data: TrainingData,
  base: Checkpoint,
  context: Context,
): Promise<Trained> {
  const { labels, examples } = labelled(data.items)
  const order = shuffled(examples.length, recipe.seed, 0)
  const heldOutCount = Math.max(1, Math.floor(examples.length * recipe.validationShare))
  const heldOut = Array.from(order.subarray(0, heldOutCount), (at) => examples[at]!)
  const training = Array.from(order.subarray(heldOutCount), (at) => examples[at]!)
  const tokenizer = createWordPiece(base)
  const { batch, maxTokens } = recipe.training
  const batchOf = createTextBatches(
    training.map(({ text }) => tokenizer.encode(text, maxTokens)),
    { batch, maxTokens, seed: recipe.seed, tokenizer },
  )
  const task: Task = {
    name: 'category',
    weight: 1,
    batchAt(draw) {
      const { examples: drawn, seq, feeds } = batchOf(draw)
      const dims = [batch, 1]
      return {
        shape: `category ${batch}×${seq}`,
        emit: (net) => emitClassification(net, { batch, seq, isPair: false }, 'mean'),
        feeds: {
          ...feeds,
          labels: { data: BigInt64Array.from(drawn, (at) => BigInt(training[at]!.label)), dims },
          weights: { data: new Float32Array(batch).fill(1), dims },
        },
        texts: batch,
      }
    },
  }
  const measure = async (model: Checkpoint) => {
    const texts = heldOut.map(({ text }) => text)
    const vectors = await encodeTexts(model, texts, { threads: context.threads, maxTokens })
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
      base: { ...base, heads: new Map() }, // another shop's classes are of no use
      heads: classifierSpecs(base.config, labels.length),
      settings: recipe.training,
      seed: recipe.seed,
      tasks: [task],
      metric: { name: 'macro F1', of: async (model) => (await measure(model)).macroF1 },
    },
    context,
  )
  const { accuracy, macroF1 } = await measure(outcome.model)
  return {
    model: outcome.model,
    delta: outcome.delta,
    labels,
    metrics: { accuracy, 'macro F1': macroF1, categories: labels.length, 'items held out': heldOut.length },
  }
}

function labelled(items: readonly TrainingItem[]) {
  const counts = new Map<string, number>()
  const nameOf = ({ category }: TrainingItem) => category.join(' > ')
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1)
  const labels = [...counts]
    .flatMap(([name, count]) => (name !== '' && count >= ITEMS_PER_CATEGORY_MIN ? [name] : []))
    .sort()
  if (labels.length < 2)
    throw new DataError(
      `The recipe "classify-category" needs two categories with ${ITEMS_PER_CATEGORY_MIN} items each; there are ${labels.length}.`,
    )
  const numbers = new Map(labels.map((label, number) => [label, number]))
  const examples = items.flatMap((item) => {
    const label = numbers.get(nameOf(item))
    return label === undefined ? [] : [{ text: textWithout(item), label }]
  })
  return { labels, examples }
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
