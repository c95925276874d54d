/**
 * @file A text as the words that relevance is judged by. Finer than the index's terms: order is kept, a size is a number with
 * a unit, and the part of a title that names the thing is told from what follows.
 */
import { stemmer } from 'stemmer'
import { foldText } from '../text/normalise.ts'
import { joinMeasures } from '../text/units.ts'

export type Word = {
  /** What is compared: a stem, a number, a unit. */
  term: string
  /** As written, folded. */
  source: string
  isNumber: boolean
  /** The unit that follows a number, or ''. */
  unit: string
}
export type Text = {
  words: readonly Word[]
  /** Words before the first turn ("in", "with", a comma, …): [0, headEnd) names the thing. */
  headEnd: number
}

const NUMBER_WORDS: Readonly<Record<string, string>> = {
  ...{ one: '1', two: '2', three: '3', four: '4', five: '5', six: '6', seven: '7', eight: '8', nine: '9' },
  ...{ ten: '10', twelve: '12' },
}
/** "x" stands between sizes. */
const STOP_WORDS = new Set(
  'a an and are as at be by for from in into is it its of on or that the to with w x'.split(' '),
)
/** After these a title says of what kind the thing is, no longer what it is. */
const TURNS = new Set(['in', 'with', 'for', 'and', 'to', 'of', 'on', 'w', ',', '(', ':', ';', '|', '–'])
/** A number, also "1,000", "3/4" and "1-1/2"; a word; or a mark that may be a turn. */
const TOKEN = /\d+(?:[.,]\d+)*(?:[- ]\d+\/\d+|\/\d+)?(?![\d/])|[\p{L}\p{N}]+|[,(–:;|]/gu
const MARK = /^[,(–:;|]$/
const UNIT = /^[a-z]{1,5}$/
const IDEOGRAPHS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

export function readWords(text: string): Text {
  const words: Word[] = []
  let headEnd: number | null = null
  let end = 0
  const folded = joinMeasures(foldText(text))
    .replace(/['’]s\b/g, '')
    .replace(/(\d)\s?[x*](?=\s?\d)/g, '$1 x ')
  for (const { 0: token, index } of folded.matchAll(TOKEN)) {
    const before = words.at(-1)
    const isUnit = before?.isNumber && index === end && UNIT.test(token)
    end = index + token.length
    if (isUnit) {
      before.unit = token
      words.push({ term: token, source: token, isNumber: false, unit: '' })
      continue
    }
    if (TURNS.has(token) && words.length > 0) headEnd ??= words.length
    if (STOP_WORDS.has(token) || MARK.test(token)) continue
    for (const part of IDEOGRAPHS.test(token) ? bigrams(token) : [token]) words.push(wordOf(part))
  }
  return { words, headEnd: headEnd ?? words.length }
}

function wordOf(token: string): Word {
  const number = NUMBER_WORDS[token] ?? (/^\d/.test(token) ? plainNumber(token) : null)
  return number === null
    ? { term: stem(token), source: token, isNumber: false, unit: '' }
    : { term: number, source: token, isNumber: true, unit: '' }
}

/** "1,000" → "1000", "5 1/2" → "5-1/2", "2.0" → "2" */
const plainNumber = (token: string): string =>
  token.replace(' ', '-').replaceAll(',', '').replace(/\.0+$/, '')

function bigrams(run: string): string[] {
  const characters = [...run]
  if (characters.length === 1) return characters
  return characters.slice(1).map((character, at) => characters[at]! + character)
}

/** Porter stem of a word of Latin letters; anything else as it is. */
export const stem = (word: string): string => (/^[a-z]{3,}$/.test(word) ? stemmer(word) : word)
