/** @file A text as words that remember where they stood, and what a tagger sees of each. */

import { foldText } from '../../text/normalise.ts'
import { hashText, mixHashes } from '../learn/features.ts'

export type Word = { folded: string; from: number; to: number }

/** Chinese and Japanese characters are words by themselves. Marks that hold names together ("TP-Link", "L'Oréal") do so here. */
const WORDS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[[\p{L}\p{M}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+(?:[\-.'’][[\p{L}\p{M}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+)*/gv
const WORDS_MAX = 40
const WORD_CHARS_MAX = 40
const TEXT_CHARS_MAX = 1_000

export function wordsWithPlaces(text: string): Word[] {
  const words: Word[] = []
  for (const match of text.slice(0, TEXT_CHARS_MAX).matchAll(WORDS)) {
    if (words.length === WORDS_MAX) break
    const word = match[0].slice(0, WORD_CHARS_MAX)
    words.push({ folded: foldText(word), from: match.index, to: match.index + match[0].length })
  }
  return words
}

/** Apparel sizes, shoe sizes, and measures with their unit. */
const SIZE = /^(?:\d?x{0,4}[sl]|m|xxx?l|\d{1,2}(?:\.5)?|\d+(?:\.\d+)?(?:mm|cm|m|in|inch|ft|ml|l|oz|g|kg))$/

/**
 * Hashed features of each word: itself, its neighbours, its shape and its place.
 *
 * @param isTitle in other texts the place of a word says nothing
 */
export function wordFeatures(text: string, words: readonly Word[], isTitle: boolean): number[][] {
  const hashes = words.map(({ folded }) => hashText(folded))
  const hashAt = (at: number): number => hashes[at] ?? EDGE
  return words.map(({ folded, from, to }, at) => {
    const shape = hashText(shapeOf(text.slice(from, to)))
    return [
      BIAS,
      mixHashes(WORD, hashAt(at)),
      mixHashes(BEFORE, hashAt(at - 1)),
      mixHashes(AFTER, hashAt(at + 1)),
      mixHashes(PAIR_BEFORE, mixHashes(hashAt(at - 1), hashAt(at))),
      mixHashes(PAIR_AFTER, mixHashes(hashAt(at), hashAt(at + 1))),
      mixHashes(TWO_BEFORE, mixHashes(hashAt(at - 2), hashAt(at - 1))),
      mixHashes(TWO_AFTER, mixHashes(hashAt(at + 1), hashAt(at + 2))),
      mixHashes(END, hashText(folded.slice(-3))),
      mixHashes(SHAPE, shape),
      mixHashes(PLACE + (isTitle ? placeOf(at) : ELSEWHERE), shape),
      ...(SIZE.test(folded) ? [SIZE_LIKE] : []),
    ]
  })
}

/** With features of words that begin or go on with a value of a list. */
export const withMarks = (features: readonly number[][], marks: readonly (0 | 1 | 2)[]): number[][] =>
  features.map((own, at) =>
    marks[at] === 0 ? own : [...own, MARK + marks[at]!, MARKED_PLACE + 10 * marks[at]! + placeOf(at)],
  )

const placeOf = (at: number): number => Math.min(at, 3)
const ELSEWHERE = 4

const shapeOf = (word: string): string =>
  word
    .slice(0, 8)
    .replace(/\p{Lu}/gu, 'A')
    .replace(/\p{Ll}/gu, 'a')
    .replace(/\p{N}/gu, '0')
    .replace(/(.)\1+/gu, '$1')

const [BIAS, WORD, BEFORE, AFTER, PAIR_BEFORE, PAIR_AFTER, TWO_BEFORE, TWO_AFTER] = [1, 2, 3, 4, 5, 6, 7, 8]
const [END, SHAPE, PLACE, SIZE_LIKE, MARK, MARKED_PLACE, EDGE] = [10, 20, 30, 40, 50, 60, 100]
