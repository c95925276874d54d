/** @file Categories as something to learn: which items have one, and batches of them. */
import type { WordPiece } from '../../../shared/text/wordpiece.ts'
import { DataError, requireDifferent, type TrainingItem } from '../examples.ts'
import { emitClassification } from '../objectives/classify.ts'
import type { Task } from '../trainer.ts'
import { createTextBatches } from './text-batches.ts'

export type LabelledText = { text: string; label: number }

/** A category with fewer items cannot be both learnt and tested. */
const ITEMS_PER_CATEGORY_MIN = 5

/** Without its category, which is to be guessed. */
const textWithout = ({ title, brand, description }: TrainingItem): string =>
  [title, brand, description].filter(Boolean).join('. ')

/** @throws DataError when there are not two categories to tell apart, or not two texts */
export function labelByCategory(items: readonly TrainingItem[]) {
  const counts = new Map<string, number>()
  const nameOf = ({ category }: TrainingItem) => category.join(' > ')
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1)
  const labels = [...counts]
    .flatMap(([name, count]) => (name !== '' && count >= ITEMS_PER_CATEGORY_MIN ? [name] : []))
    .sort()
  if (labels.length < 2)
    throw new DataError(
      `Learning categories needs two of them with ${ITEMS_PER_CATEGORY_MIN} items each; there are ${labels.length}.`,
    )
  const numbers = new Map(labels.map((label, number) => [label, number]))
  const examples = items.flatMap((item) => {
    const label = numbers.get(nameOf(item))
    return label === undefined ? [] : [{ text: textWithout(item), label }]
  })
  requireDifferent(
    examples.map(({ text }) => text),
    'all items with a category',
  )
  return { labels, examples }
}

export type CategoryTaskOptions = {
  tokenizer: WordPiece
  /** Labels are below it: as many outputs as the head has. */
  classes: number
  batch: number
  maxTokens: number
  weight: number
  seed: number
}

/** @throws DataError for a label that is no class: the graph would fail on it in the middle of a run */
export function createCategoryTask(examples: readonly LabelledText[], options: CategoryTaskOptions): Task {
  const { tokenizer, classes, batch, maxTokens, weight } = options
  const wrong = examples.find(({ label }) => !Number.isInteger(label) || label < 0 || label >= classes)
  if (wrong)
    throw new DataError(`The label ${wrong.label} of "${wrong.text}" is none of 0 to ${classes - 1}.`)
  const batchOf = createTextBatches(
    examples.map(({ text }) => tokenizer.encode(text, maxTokens)),
    options,
  )
  return {
    name: 'category',
    weight,
    batchAt(draw) {
      const { examples: drawn, seq, feeds } = batchOf(draw)
      const dims = [batch, 1]
      return {
        shape: `category ${batch}×${seq}`,
        emit: (net) => emitClassification(net, { batch, seq, isPair: false }, 'mean'),
        feeds: {
          ...feeds,
          labels: { data: BigInt64Array.from(drawn, (at) => BigInt(examples[at]!.label)), dims },
          weights: { data: new Float32Array(batch).fill(1), dims },
        },
        texts: batch,
      }
    },
  }
}
