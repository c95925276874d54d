/** @file Titles that shout, repeat themselves or are decorated: they win no search and lose the shopper. */
import type { Finding, Item } from '../../schema/item.ts'
import type { ItemRule } from '../item-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'
import { cleanText } from '../text.ts'
import { wordsOf } from './words.ts'

const DECORATED: RuleText = {
  name: 'title-decorated',
  severity: 'warn',
  message: 'The title is decorated with signs that say nothing, such as "***" or "★".',
}
const STUFFED: RuleText = {
  name: 'title-stuffed',
  severity: 'warn',
  message: 'The title says the same word again and again.',
}
const SHOUTING: RuleText = {
  name: 'title-shouting',
  severity: 'info',
  message: 'The title is written in capitals throughout.',
}
const SEPARATED: RuleText = {
  name: 'title-keyword-list',
  severity: 'info',
  message: 'The title is a list of keywords between separators, not a name.',
}

/** Runs of signs and pictures that are no part of a name. "A+++" is an energy class, "..." means more. */
const DECORATION = /([!?*~#=_|-])\1{2,}|[★☆✓✔►◄●■◆❤♥♦✨🔥⭐✅⚡]\ufe0f?|!{2,}/gu
const DECORATION_CONFIDENCE = 0.95
/** A word from so many letters on means something; shorter ones are "for", "with", "mm". */
const WORD_CHARS_MIN = 4
const REPEATS_MIN = 3
/** Of all words of the title; an honest list ("LaserJet 1, LaserJet 2") stays below. */
const REPEATS_SHARE_MIN = 0.25
const SHOUTED_WORDS_MIN = 3
const SHOUTED_CHARS_MIN = 5
const SEPARATORS_MIN = 5

export const titleRule: ItemRule = {
  name: 'title',
  judge: (item) => [...decorated(item), ...stuffed(item), ...shouting(item), ...separated(item)],
}

function decorated({ title }: Item): Finding[] {
  const signs = title.match(DECORATION)
  if (!signs) return []
  const plain = cleanText(title.replace(DECORATION, ' '))
  // A title of nothing but decoration stays: an item needs one.
  const isName = /[\p{L}\p{N}]/u.test(plain)
  return [
    findingOf(
      DECORATED,
      'title',
      title,
      isName ? { value: plain, confidence: DECORATION_CONFIDENCE } : undefined,
    ),
  ]
}

function stuffed({ title }: Item): Finding[] {
  const words = wordsOf(title.toLowerCase())
  const counts = new Map<string, number>()
  for (const word of words)
    if (word.length >= WORD_CHARS_MIN && !/\d/.test(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
  for (const [word, count] of counts)
    if (count >= REPEATS_MIN && count >= REPEATS_SHARE_MIN * words.length)
      return [findingOf(STUFFED, 'title', `"${word}" ${count} times: ${title}`)]
  return []
}

function shouting({ title }: Item): Finding[] {
  // Already so when a single small letter stands in it, which nearly every title has.
  if (/\p{Ll}/u.test(title)) return []
  const words = wordsOf(title).filter((word) => /^\p{Lu}+$/u.test(word) && word.length >= SHOUTED_CHARS_MIN)
  return words.length >= SHOUTED_WORDS_MIN ? [findingOf(SHOUTING, 'title', title)] : []
}

function separated({ title }: Item): Finding[] {
  const separators = title.match(/[|;/•·,]/gu)?.length ?? 0
  if (separators < SEPARATORS_MIN) return []
  const perWord = separators / Math.max(1, wordsOf(title).length)
  return perWord >= 0.5 ? [findingOf(SEPARATED, 'title', title)] : []
}
