/** @file What a single value is: blank, a word for "missing", a number with its unit, or of a certain shape. */

export const isBlank = (value: string): boolean => value.trim() === ''

/** Words that stand for "no value", without case and brackets. Source: Qahtan et al., FAHES, KDD 2018, and common exports. */
// biome-ignore format: a list reads better dense
const MISSING_WORDS = new Set([
  'n/a', 'na', 'n.a', 'n.a.', '#n/a', 'n\\a', 'null', 'nil', 'none', 'nan', 'undefined', 'unknown', 'missing', 'empty', 'blank', 'not available',
  'not applicable', 'not specified', 'not provided', 'no data', 'no value', 'tbd', 'tba', 'to be determined', '-', '--', '---', '?', '??', '???', '.', '_', 'keine angabe',
  'k.a.', 'unbekannt', 'inconnu', 'desconocido', '未知', '无',
])

/** True for a word that stands for "no value"; false for a blank. */
export const isMissingWord = (value: string): boolean =>
  value.length <= 24 &&
  MISSING_WORDS.has(
    value
      .trim()
      .replace(/^[[{(<"']+|[\]})>"']+$/g, '')
      .toLowerCase(),
  )

export const isMissing = (value: string): boolean => isBlank(value) || isMissingWord(value)

/**
 * Runs of capitals become A, of other letters a, of digits 9, of white space one space; all else stays: "12.0 oz" → "9.9 a".
 *
 * Source: the pattern profiles of Potter's Wheel, Raman and Hellerstein, VLDB 2001.
 */
export function shapeOf(value: string): string {
  let shape = ''
  let last = ''
  for (const character of value) {
    const kind = kindOf(character)
    if (kind !== last || !'Aa9 '.includes(kind)) shape += kind
    last = kind
  }
  return shape
}

function kindOf(character: string): string {
  const code = character.codePointAt(0)!
  if (code >= 0x61 && code <= 0x7a) return 'a'
  if (code >= 0x41 && code <= 0x5a) return 'A'
  if (code >= 0x30 && code <= 0x39) return '9'
  if (code === 0x20 || code === 0x09 || code === 0x0a || code === 0xa0) return ' '
  if (code < 0x80) return character
  if (/\p{Lu}/u.test(character)) return 'A'
  if (/\p{L}|\p{M}/u.test(character)) return 'a'
  return /\p{Nd}/u.test(character) ? '9' : character
}

/** Letters and digits alone, without case and accents: equal for spellings of one value. Source: OpenRefine's fingerprint. */
export const fingerprintOf = (value: string): string =>
  value
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '')

export type Measure = {
  value: number
  /** The digits as they stand, with their separators. */
  digits: string
  prefix: string
  suffix: string
}

/** A letter before a number makes a code of it ("A-100") unless a space or a sign of money stands between ("EUR 5", "US$5"). */
const PREFIX = String.raw`(?:(\p{L}{0,3}\p{Sc}|\p{L}{1,3}(?= ))\s*)?`
const DIGITS = String.raw`([+-]?(?:\d[\d.,' \u00a0]*\d|\d|[.,]\d+)(?:[eE][+-]?\d{1,3})?)`
const SUFFIX = String.raw`(\s*[^\d\s][^\d]{0,23})?`
const NUMBER = new RegExp(`^\\s*${PREFIX}${DIGITS}${SUFFIX}\\s*$`, 'u')

/** One number with at most a few other characters around it; null for all else. */
export function parseMeasure(text: string): Measure | null {
  if (text.length > 48) return null
  const match = NUMBER.exec(text)
  if (!match) return null
  const value = parseNumber(match[2]!)
  return value === null
    ? null
    : { value, digits: match[2]!, prefix: match[1] ?? '', suffix: (match[3] ?? '').trim() }
}

/**
 * A bare number, in English ("1,234.56"), continental ("1.234,56") or Swiss ("1'234.56") writing. Where both separators
 * stand, the last is the decimal one; one comma before three digits groups; one dot is always the decimal one.
 */
export function parseNumber(text: string): number | null {
  const bare = text.trim()
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/.test(bare)) return Number(bare)
  const grouped = /^[+-]?\d{1,3}([,.' \u00a0])\d{3}(\1\d{3})*(?:([.,])(\d+))?$/.exec(bare)
  if (grouped && grouped[1] !== grouped[3]) {
    const [whole, fraction] = grouped[3] ? cutAtLast(bare, grouped[3]) : [bare, '']
    return Number(`${whole.replace(/[^\d+-]/g, '')}.${fraction || '0'}`)
  }
  return /^[+-]?\d*,\d+$/.test(bare) ? Number(bare.replace(',', '.')) : null
}

function cutAtLast(text: string, separator: string): [string, string] {
  const at = text.lastIndexOf(separator)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** The number as people write it: without trailing zeros and without the noise of binary fractions ("0.057999999999999996" → "0.058"). */
export const plainNumber = (value: number): string => String(Number(value.toPrecision(12)))
