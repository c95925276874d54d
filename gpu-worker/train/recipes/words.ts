/** @file The words of a shop: its vocabulary, and what a model learns of them by guessing those that are hidden. */
import { trainWordPiece } from '../../../shared/text/train-wordpiece.ts'
import { basicTokens, createWordPiece } from '../../../shared/text/wordpiece.ts'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { mlmHeadSpecs, withoutHead } from '../../model/heads.ts'
import { transferVocabulary } from '../../model/transfer-vocabulary.ts'
import { createMlmTask } from '../data/mlm-task.ts'
import { type TrainingData, type TrainingItem, textOf } from '../examples.ts'
import type { MlmSettings } from '../recipe.ts'
import { type Context, runStage } from '../run-stage.ts'

/** In every vocabulary, so that any model number can be spelt. */
const ALPHABET = [...'abcdefghijklmnopqrstuvwxyz0123456789'].join(' ')

type Texts = { items: readonly TrainingItem[]; queries: TrainingData['queries'] }

export const learnVocabulary = ({ items, queries }: Texts, size: number): string[] =>
  trainWordPiece([ALPHABET, ...items.flatMap(({ title, description }) => [title, description]), ...queries], {
    size,
    lowercase: true,
  })

/** The masked-language-model stage; its head has done its work afterwards and is left out. */
export async function learnWords(
  start: Checkpoint,
  { items, queries }: Texts,
  settings: MlmSettings,
  seed: number,
  context: Context,
): Promise<Checkpoint> {
  const tokenizer = createWordPiece(start)
  const texts = [...items.map(textOf), ...queries]
  const { model } = await runStage(
    {
      name: 'mlm',
      base: start,
      heads: mlmHeadSpecs(start.config),
      settings,
      seed,
      tasks: [
        createMlmTask({
          texts: texts.map((text) => tokenizer.encode(text, settings.maxTokens)),
          tokenizer,
          vocabulary: start.vocabulary,
          batchTokens: settings.batchTokens,
          maxTokens: settings.maxTokens,
          weight: 1,
          seed,
        }),
      ],
    },
    context,
  )
  return withoutHead(model, mlmHeadSpecs(start.config))
}

/** Titles looked at to see how a vocabulary suits a shop. */
const TITLES_MAX = 2_000

/** Pieces per word of the titles: 1 when every word is a piece; a vocabulary of another trade has 2 or more. */
export function fertility(model: Checkpoint, items: readonly TrainingItem[]): number {
  const tokenizer = createWordPiece(model)
  const stride = Math.max(1, Math.floor(items.length / TITLES_MAX))
  let words = 0
  let pieces = 0
  for (let at = 0; at < items.length; at += stride) {
    words += basicTokens(items[at]!.title, model.lowercase).length
    pieces += tokenizer.tokens(items[at]!.title).length
  }
  return pieces / Math.max(1, words)
}

/**
 * A model of another trade learns the words of this shop: they get pieces of their own, whose meaning starts from what the
 * model knows and is learnt on the shop's texts. A model that knows the words comes back as it is.
 */
export async function adaptWords(
  base: Checkpoint,
  texts: Texts,
  { fertilityMax, vocabulary, ...settings }: MlmSettings & { fertilityMax: number; vocabulary: number },
  seed: number,
  context: Context,
): Promise<Checkpoint> {
  const pieces = fertility(base, texts.items)
  context.journal.note({ event: 'words', piecesPerWord: pieces, adapted: pieces > fertilityMax })
  if (pieces <= fertilityMax) return base
  const own = transferVocabulary(base, learnVocabulary(texts, vocabulary))
  return learnWords({ ...own, lowercase: true }, texts, settings, seed, context)
}
