/** @file Where (query, document) pairs come from: made up from a catalogue, or given by people. */
import type { Random } from '../../../shared/lib/random.ts'
import type { WordPiece } from '../../../shared/text/wordpiece.ts'
import { augment } from '../augment.ts'
import { createContrastiveTask, type Pair } from '../data/contrastive-task.ts'
import { minePhrases, pickWords, wordsOf } from '../data/phrases.ts'
import { type TrainingItem, textOf } from '../examples.ts'
import type { ContrastiveSettings } from '../recipe.ts'
import type { Task } from '../trainer.ts'
import { AS_IT_IS, type Rephrase } from '../translate/back-translate.ts'

export type PairSource = { count: number; pairOf(example: number, random: Random): Pair }

type TaskOptions = {
  name: string
  source: PairSource
  tokenizer: WordPiece
  settings: ContrastiveSettings
  weight: number
  seed: number
}
export const contrastiveTask = ({ name, source, tokenizer, settings, weight, seed }: TaskOptions): Task =>
  createContrastiveTask({
    name,
    count: source.count,
    pairOf: source.pairOf,
    tokenizer,
    pairs: settings.pairs,
    hardNegatives: settings.hardNegatives,
    maxQueryTokens: settings.maxQueryTokens,
    maxDocumentTokens: settings.maxDocumentTokens,
    temperature: settings.temperature,
    margin: settings.margin,
    pooling: 'mean',
    weight,
    seed,
  })

/** Shares of the kinds of made-up query; the rest are words of the title. */
const KINDS = { phrase: 0.35, brandPhrase: 0.15, description: 0.2 }
/** Chances of each change to a query that is to be noisy. */
const NOISE = { typo: 0.7, drop: 0.2, swap: 0.2 }

type Noise = Pick<ContrastiveSettings, 'noise' | 'synonymShare' | 'synonyms'>
/** With probability `noise`, the query as another or a hurried shopper types it. */
export const withNoise = (query: string, { noise, synonymShare, synonyms }: Noise, random: Random): string =>
  random() < noise ? augment(query, { ...NOISE, synonym: synonymShare, synonyms }, random) : query

/** What made-up queries often are, the most frequent first. */
export const phrasesOf = (items: readonly TrainingItem[]): readonly string[] =>
  minePhrases(items.map(({ title }) => title)).all()

/** One example per item; its query is drawn anew each time. Every item that has all words of a query answers it. */
export function createMadeUpPairs(
  items: readonly TrainingItem[],
  settings: ContrastiveSettings,
  rephrase: Rephrase = AS_IT_IS,
): PairSource {
  const phrases = minePhrases(items.map(({ title }) => title))
  const documents = items.map(textOf)
  const wordSets = new Map<string, ReadonlySet<string>>()
  const wordsIn = (document: string): ReadonlySet<string> => {
    const known = wordSets.get(document) ?? new Set(wordsOf(document))
    wordSets.set(document, known)
    return known
  }
  const queryOf = (at: number, random: Random): string => {
    const { title, brand, description } = items[at]!
    const shared = phrases.of(at)
    const kind = random()
    const phrase = () => shared[Math.floor(random() * shared.length)]!
    if (shared.length > 0 && kind < KINDS.phrase) return phrase()
    if (shared.length > 0 && brand && kind < KINDS.phrase + KINDS.brandPhrase) return `${brand} ${phrase()}`
    if (description && kind < KINDS.phrase + KINDS.brandPhrase + KINDS.description) return description
    return pickWords(title, random)
  }
  return {
    count: items.length,
    pairOf(example, random) {
      const query = queryOf(example, random) || items[example]!.title
      const words = wordsOf(query)
      return {
        query: withNoise(rephrase(query, random), settings, random),
        document: documents[example]!,
        weight: 1,
        negatives: [],
        isRelevant: (document) => words.every((word) => wordsIn(document).has(word)),
      }
    },
  }
}
