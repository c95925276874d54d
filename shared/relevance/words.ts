/**
 * @file A text as the words that relevance is judged by. Finer than the index's terms: sizes are one word however they are
 * written ("8ft", "8-ft.", "8 feet"), order is kept, and the part of a title that names the thing is told from what follows.
 */
import { stemmer } from 'stemmer'
import { foldText } from '../text/normalise.ts'

export type Word = {
  /** What is compared: a stem, a number, a unit's short name. */
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

const UNITS: Readonly<Record<string, string>> = {
  ...{ in: 'in', inch: 'in', inches: 'in', ft: 'ft', feet: 'ft', foot: 'ft', yd: 'yd', yard: 'yd' },
  ...{ yards: 'yd', mm: 'mm', cm: 'cm', m: 'm', lb: 'lb', lbs: 'lb', pound: 'lb', pounds: 'lb', kg: 'kg' },
  ...{ g: 'g', oz: 'oz', ounce: 'oz', ounces: 'oz', gal: 'gal', gallon: 'gal', gallons: 'gal', qt: 'qt' },
  ...{ quart: 'qt', quarts: 'qt', l: 'l', ml: 'ml', v: 'v', volt: 'v', volts: 'v', w: 'w', watt: 'w' },
  ...{ watts: 'w', amp: 'amp', amps: 'amp', a: 'amp', btu: 'btu', hp: 'hp', gb: 'gb', tb: 'tb', mb: 'mb' },
  ...{ hz: 'hz', ghz: 'ghz', mhz: 'mhz', pack: 'pack', pk: 'pack', piece: 'pc', pieces: 'pc', pc: 'pc' },
  ...{ pcs: 'pc', sq: 'sq', cu: 'cu', ga: 'ga', gauge: 'ga', '"': 'in', '”': 'in', '″': 'in' },
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
const TOKEN = /\d+(?:[.,]\d+)*(?:[- ]\d+\/\d+|\/\d+)?(?![\d/])|[\p{L}\p{N}]+|[,(–:;|"”″]/gu
const MARK = /^[,(–:;|"”″]$/
const IDEOGRAPHS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

export function readWords(text: string): Text {
  const words: Word[] = []
  let headEnd = -1
  const folded = foldText(text)
    .replace(/['’]s\b/g, '')
    .replace(/(\d)\s?[x*](?=\s?\d)/g, '$1 x ')
  for (const [token] of folded.matchAll(TOKEN)) {
    const before = words.at(-1)
    const unit = UNITS[token]
    if (unit && before?.isNumber && before.unit === '') {
      before.unit = unit
      words.push({ term: unit, source: token, isNumber: false, unit: '' })
      continue
    }
    if (TURNS.has(token) && headEnd < 0 && words.length > 0) headEnd = words.length
    if (STOP_WORDS.has(token) || MARK.test(token)) continue
    for (const part of IDEOGRAPHS.test(token) ? bigrams(token) : [token]) words.push(wordOf(part))
  }
  return { words, headEnd: headEnd < 0 ? words.length : headEnd }
}

function wordOf(token: string): Word {
  const number =
    NUMBER_WORDS[token] ??
    (/^\d/.test(token) ? token.replace(/(\d) (?=\d)/, '$1-').replaceAll(',', '') : null)
  if (number !== null) return { term: number, source: token, isNumber: true, unit: '' }
  return { term: stem(token), source: token, isNumber: false, unit: '' }
}

function bigrams(run: string): string[] {
  const characters = [...run]
  return characters.length === 1
    ? characters
    : characters.slice(1).map((character, at) => characters[at]! + character)
}

/** Porter stem of a word of Latin letters; anything else as it is. */
export const stem = (word: string): string => (/^[a-z]{3,}$/.test(word) ? stemmer(word) : word)
