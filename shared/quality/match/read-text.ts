/** @file What a text of a record says: its words, its codes (model and part numbers) and its measures. */
import { stem } from '../../text/analyse.ts'
import { foldText } from '../../text/normalise.ts'
import { joinMeasures } from '../../text/units.ts'

export type TextReading = {
  /** Folded words, stemmed, in order. */
  words: readonly string[]
  /** Letters and digits mixed, or a long number, without the marks in them: "kx-tg1032s" is "kxtg1032s". Distinct. */
  codes: readonly string[]
  /** Numbers with their unit, '' where they have none. Distinct. */
  measures: readonly Measure[]
  /** Letters and digits alone, nothing between them: what is written apart or with marks meets here. */
  squashed: string
}
export type Measure = { value: number; unit: string }

/** Words of a text that are read. */
const WORDS_MAX = 300
/** Shorter numbers are sizes, years and counts. */
const CODE_DIGITS_MIN = 5
const CODE_CHARS_MIN = 3
const CODE_CHARS_MAX = 40
const COMPOUND = /[\p{L}\p{N}]+(?:[-./_+][\p{L}\p{N}]+)*/gu
const MEASURE = /^(\d+(?:\.\d+)?)([a-z]{0,5})$/
/** Written with a point between thousands and with a comma. */
const THOUSANDS = /(\d),(?=\d{3}(?!\d))/g

export function readText(text: string): TextReading {
  const folded = joinMeasures(foldText(text).replace(THOUSANDS, '$1'))
  const words: string[] = []
  const codes = new Set<string>()
  const measures = new Map<string, Measure>()
  for (const [compound] of folded.matchAll(COMPOUND)) {
    if (words.length >= WORDS_MAX) break
    const parts = /^\d+(?:\.\d+)+[a-z]{0,5}$/.test(compound) ? [compound] : compound.split(/[-./_+]/)
    if (parts.length > 1) addCode(codes, parts.join(''))
    for (const part of parts) {
      const measure = readMeasure(part)
      if (measure) measures.set(measure.value + measure.unit, measure)
      // A number with a unit is a size, whatever else it may look like.
      if (!measure || measure.unit === '' || !UNITS.has(measure.unit)) addCode(codes, part)
      words.push(measure ? measure.value + measure.unit : stem(part))
    }
  }
  return {
    words,
    codes: [...codes],
    measures: [...measures.values()],
    squashed: folded.replace(/[^\p{L}\p{N}]+/gu, ''),
  }
}

const UNITS = new Set(
  'in ft yd sqft cuft gal qt oz lb mm cm m kg g l ml w v amp hp gb tb mb mp hz mhz ghz x p k th st nd rd pk ct pc dpi rpm bit'.split(
    ' ',
  ),
)

function readMeasure(word: string): Measure | null {
  const [, digits, unit] = MEASURE.exec(word) ?? []
  return digits === undefined ? null : { value: Number(digits), unit: unit! }
}

function addCode(codes: Set<string>, code: string): void {
  if (code.length < CODE_CHARS_MIN || code.length > CODE_CHARS_MAX || !/\d/.test(code)) return
  if (/\p{L}/u.test(code) || code.length >= CODE_DIGITS_MIN) codes.add(code)
}

/** A sign of currency or its code before, a unit after: "$399.00", "USD 12", "3,5 kg". A letter that touches makes a code. */
const NUMBER_CELL =
  /^(?:[^\p{L}\p{N}]{0,3}|\p{L}{1,3} )(\d+(?:[.,]\d+)*) ?(?:\p{L}{1,6}\.?|[^\p{L}\p{N}]{0,3})$/u
/**
 * The number of a cell that holds one and little else, as a price or a weight does; null for other cells.
 * "1.234,56" and "1,234.56" are the same.
 */
export function readNumber(text: string): number | null {
  const number = NUMBER_CELL.exec(text)?.[1]
  if (number === undefined) return null
  const decimal = Math.max(number.lastIndexOf('.'), number.lastIndexOf(','))
  const fraction = number.length - decimal - 1
  const isGrouped =
    decimal < 0 || (fraction === 3 && (number.match(/[.,]/g)!.length > 1 || number[decimal] === ','))
  const digits = (part: string) => part.replace(/[.,]/g, '')
  const value = Number(
    isGrouped ? digits(number) : `${digits(number.slice(0, decimal))}.${number.slice(decimal + 1)}`,
  )
  return Number.isFinite(value) ? value : null
}
