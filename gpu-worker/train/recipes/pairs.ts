/** @file Where (query, document) pairs come from: made up from a catalogue, or given by people. */
import type { Random } from '../../../shared/lib/random.ts'
import { analyse } from '../../../shared/text/analyse.ts'
import type { WordPiece } from '../../../shared/text/wordpiece.ts'
import { augment } from '../augment.ts'
import { createContrastiveTask, type Pair } from '../data/contrastive-task.ts'
import { mineKinds } from '../data/kinds.ts'
import { minePhrases, pickWords } from '../data/phrases.ts'
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

/** Shares of the forms of made-up query; the rest are words of the title. */
const FORMS = { kind: 0.35, brandKind: 0.1, phrase: 0.1, description: 0.2 }
/** Chances of each change to a query that is to be noisy. */
const NOISE = { typo: 0.7, drop: 0.2, swap: 0.2 }
/** Of queries for a kind of thing, those in the other number: "printers" for "printer". */
const OTHER_NUMBER = 0.15

type Noise = Pick<ContrastiveSettings, 'noise' | 'synonymShare' | 'synonyms'>
/** With probability `noise`, the query as another or a hurried shopper types it. */
export const withNoise = (query: string, { noise, synonymShare, synonyms }: Noise, random: Random): string =>
  random() < noise ? augment(query, { ...NOISE, synonym: synonymShare, synonyms }, random) : query

/** What made-up queries often are, the most frequent first. */
export const phrasesOf = (items: readonly TrainingItem[]): readonly string[] =>
  minePhrases(items.map(({ title }) => title)).all()

const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)]!

/**
 * One example per item; its query is drawn anew each time. Every item that has all words of a query answers it, but a query
 * for a kind of thing only if that is what the item is: for "keyboard" the keyboard covers of a batch are negatives. That is
 * how the space learns what counting words cannot tell.
 */
export function createMadeUpPairs(
  items: readonly TrainingItem[],
  settings: ContrastiveSettings,
  rephrase: Rephrase = AS_IT_IS,
): PairSource {
  const phrases = minePhrases(items.map(({ title }) => title))
  const kinds = mineKinds(items)
  const documents = items.map(textOf)
  const facts = new Map(
    documents.map((document, at) => [
      document,
      { words: new Set(analyse(document)), heads: kinds.headsOf(at) },
    ]),
  )
  const queryOf = (at: number, random: Random): { query: string; isKind: boolean } => {
    const { title, brand, description } = items[at]!
    const own = kinds.of(at)
    const shared = phrases.of(at)
    let form = random()
    const isNext = (share: number) => {
      form -= share
      return form < 0
    }
    const kind = () => pick(own, random)
    if (isNext(FORMS.kind) && own.length > 0) return { query: kind(), isKind: true }
    if (isNext(FORMS.brandKind) && own.length > 0 && brand)
      return { query: `${brand} ${kind()}`, isKind: true }
    if (isNext(FORMS.phrase) && shared.length > 0) return { query: pick(shared, random), isKind: false }
    if (isNext(FORMS.description) && description) return { query: description, isKind: false }
    return { query: pickWords(title, random), isKind: false }
  }
  return {
    count: items.length,
    pairOf(example, random) {
      const { query: made, isKind } = queryOf(example, random)
      const query = made || items[example]!.title
      const words = analyse(query)
      const head = words.at(-1)
      const asked = isKind && random() < OTHER_NUMBER ? inOtherNumber(query) : query
      return {
        query: withNoise(rephrase(asked, random), settings, random),
        document: documents[example]!,
        weight: 1,
        negatives: [],
        isRelevant: (document) => {
          const theirs = facts.get(document)
          if (!theirs || !words.every((word) => theirs.words.has(word))) return false
          return !isKind || (head !== undefined && theirs.heads.has(head))
        },
      }
    },
  }
}

const inOtherNumber = (query: string): string =>
  !/[a-z]$/.test(query) ? query : query.endsWith('s') ? query.slice(0, -1) : `${query}s`
