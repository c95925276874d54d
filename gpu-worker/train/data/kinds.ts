/** @file What kinds of thing a catalogue has, by the nouns of its titles: what shoppers type when they do not look for one item. */
import { analyse } from '../../../shared/text/analyse.ts'
import { nounPhrases } from '../../../shared/text/heads.ts'
import type { TrainingItem } from '../examples.ts'

/** Titles that must share a noun; with fewer it is the name of a model. */
const TITLES_MIN = 3
/** Words of a kind at most: "large format printer". */
const WORDS_MAX = 3

export type Kinds = {
  /** Names of the kinds of an item, shorter and longer: "printer", "inkjet printer"; may be empty. */
  of(item: number): readonly string[]
  /** Index terms of all nouns of an item, rare ones too. */
  headsOf(item: number): ReadonlySet<string>
}

export function mineKinds(items: readonly TrainingItem[]): Kinds {
  const phrases = items.map(({ title, brand, category }) => [
    ...nounPhrases(title, brand),
    ...nounPhrases(category.at(-1) ?? ''),
  ])
  const counts = new Map<string, number>()
  for (const own of phrases)
    for (const head of new Set(own.map((words) => words.at(-1)!)))
      counts.set(head, (counts.get(head) ?? 0) + 1)
  const isShared = (words: readonly string[]) => counts.get(words.at(-1)!)! >= TITLES_MIN
  return {
    of: (item) => [
      ...new Set(
        phrases[item]!.filter(isShared).flatMap((words) =>
          Array.from({ length: Math.min(WORDS_MAX, words.length) }, (_, at) =>
            words.slice(-1 - at).join(' '),
          ),
        ),
      ),
    ],
    headsOf: (item) => new Set(phrases[item]!.flatMap((words) => analyse(words.at(-1)!))),
  }
}
