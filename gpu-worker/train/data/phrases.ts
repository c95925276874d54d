/**
 * @file Queries that nobody asked: phrases that several titles share ("toner cartridge", "usb c cable") stand for what
 * shoppers type when they look for a kind of thing, words of one title for when they look for one thing.
 */
import type { Random } from '../../../shared/lib/random.ts'
import { basicTokens } from '../../../shared/text/wordpiece.ts'

/** Words of a phrase at most. */
const WORDS_MAX = 3
/** Titles that must share a phrase, and the share of all titles above which it says nothing. */
const TITLES_MIN = 3
const TITLES_SHARE_MAX = 0.2

const isWord = (token: string): boolean => /^[\p{L}][\p{L}\p{N}]+$/u.test(token)
/** What makes two spellings one word, for comparing: case, accents and punctuation do not. */
export const wordsOf = (text: string): string[] =>
  basicTokens(text, true).filter((token) => /[\p{L}\p{N}]/u.test(token))

/** Runs of 1 to 3 words of a title, each word with a letter in front. */
function* runsOf(title: string): Generator<string> {
  const tokens = basicTokens(title, true)
  for (let from = 0; from < tokens.length; from++)
    for (let to = from; to < Math.min(tokens.length, from + WORDS_MAX) && isWord(tokens[to]!); to++)
      yield tokens.slice(from, to + 1).join(' ')
}

export type Phrases = {
  /** Shared phrases of a title by its place in the list; may be empty. */
  of(title: number): readonly string[]
  /** All of them, those that most titles share first. */
  all(): readonly string[]
}

export function minePhrases(titles: readonly string[]): Phrases {
  const counts = new Map<string, number>()
  for (const title of titles)
    for (const run of new Set(runsOf(title))) counts.set(run, (counts.get(run) ?? 0) + 1)
  const most = Math.max(TITLES_MIN, titles.length * TITLES_SHARE_MAX)
  const isShared = (run: string): boolean => {
    const count = counts.get(run)!
    return count >= TITLES_MIN && count <= most
  }
  const byTitle = titles.map((title) => [...new Set(runsOf(title))].filter(isShared))
  const all = () =>
    [...new Set(byTitle.flat())].sort((a, b) => counts.get(b)! - counts.get(a)! || (a < b ? -1 : 1))
  return { of: (title) => byTitle[title]!, all }
}

/** 1 to 4 words of a title: neighbours, or any in their order. */
export function pickWords(title: string, random: Random): string {
  const words = wordsOf(title)
  const count = Math.min(words.length, 1 + Math.floor(random() * 4))
  if (random() < 0.5) {
    const from = Math.floor(random() * (words.length - count + 1))
    return words.slice(from, from + count).join(' ')
  }
  const places = new Set<number>()
  while (places.size < count) places.add(Math.floor(random() * words.length))
  return [...places]
    .sort((a, b) => a - b)
    .map((at) => words[at]!)
    .join(' ')
}
