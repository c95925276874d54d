/**
 * @file Units beside the numbers of a column: given in some cells only, or spelt in several ways, so that no program
 * can read the column as numbers; and the noise of binary fractions.
 */
import { byValue, type Detector, type Verdict } from './detector.ts'
import type { Column } from './table.ts'
import { isMissing, type Measure, parseMeasure, plainNumber } from './values.ts'

/** Of the cells with a value, how many must be a number with or without a unit. */
const MEASURE_SHARE_MIN = 0.85
/** More spellings than this are words after a number ("12 Main Street"), not units. */
const SPELLINGS_MAX = 40
const MAIN_SPELLINGS = 6
const MAIN_SHARE_MIN = 0.9
/** A unit that this share of the cells spell alike is the column's own way. */
const USUAL_SHARE_MIN = 0.9
const BARE_SHARE_MIN = 0.5
/** Medians of two spellings of one unit lie within this factor; those of "kg" and "g" do not. */
const SAME_UNIT_FACTOR = 4

export const unit: Detector = {
  id: 'unit',
  source: 'value patterns of number and unit: Potter’s Wheel, VLDB 2001',
  *find(table) {
    for (const [index, column] of table.columns.entries()) {
      const measures = column.values.map((value) => (isMissing(value) ? null : parseMeasure(value)))
      const profile = profileUnits(column, measures)
      if (profile === null) continue
      yield* byValue(column, index, (_, code) => judgeMeasure(measures[code]!, profile))
    }
  },
}

type Profile = {
  /** Rows and median number by unit as spelt; '' is a bare number. */
  spellings: Map<string, { rows: number; median: number }>
  rows: number
}

const spellingOf = ({ prefix, suffix }: Measure) => `${prefix}${prefix ? ' … ' : ''}${suffix}`

function profileUnits({ values, counts }: Column, measures: (Measure | null)[]): Profile | null {
  const numbers = new Map<string, { value: number; rows: number }[]>()
  let withValue = 0
  let rows = 0
  measures.forEach((measure, code) => {
    if (!isMissing(values[code]!)) withValue += counts[code]!
    if (!measure) return
    rows += counts[code]!
    const spelling = spellingOf(measure)
    const list = numbers.get(spelling) ?? numbers.set(spelling, []).get(spelling)!
    list.push({ value: measure.value, rows: counts[code]! })
  })
  if (rows === 0 || rows < MEASURE_SHARE_MIN * withValue || numbers.size > SPELLINGS_MAX) return null
  const spellings = new Map(
    [...numbers].map(([spelling, list]) => {
      const total = list.reduce((sum, one) => sum + one.rows, 0)
      return [spelling, { rows: total, median: weightedMedian(list, total) }]
    }),
  )
  const main = [...spellings.values()].map((one) => one.rows).sort((a, b) => b - a)
  const mainRows = main.slice(0, MAIN_SPELLINGS).reduce((sum, one) => sum + one, 0)
  return mainRows >= MAIN_SHARE_MIN * rows ? { spellings, rows } : null
}

function weightedMedian(list: { value: number; rows: number }[], total: number): number {
  let before = 0
  for (const one of list.sort((a, b) => a.value - b.value)) {
    before += one.rows
    if (before * 2 >= total) return one.value
  }
  return Number.NaN
}

function judgeMeasure(measure: Measure | null, { spellings, rows }: Profile): Verdict | null {
  if (measure === null) return null
  const spelling = spellingOf(measure)
  const [usual, usualProfile] = [...spellings].reduce((a, b) => (b[1].rows > a[1].rows ? b : a))
  const own = spellings.get(spelling)!
  const verdict = (confidence: number, reason: string, repair: string | null): Verdict => ({
    detector: 'unit',
    confidence,
    reason,
    ...(repair === null ? {} : { repair }),
  })
  const bare = isNoisy(measure) ? plainNumber(measure.value) : withoutEmptyDecimals(measure.digits)
  const isSameUnit = (other: { median: number }) => {
    const ratio = own.median / other.median
    return !(ratio > SAME_UNIT_FACTOR || ratio < 1 / SAME_UNIT_FACTOR)
  }
  const bareRows = spellings.get('')?.rows ?? 0
  if (spelling !== '' && bareRows >= BARE_SHARE_MIN * rows) {
    const repair = isSameUnit(spellings.get('')!) ? bare : null
    return verdict(0.95, `"${spelling}" beside a number, in a column of bare numbers`, repair)
  }
  if (usual !== '' && usualProfile.rows >= USUAL_SHARE_MIN * rows) {
    if (spelling === usual) return null
    const repair = isSameUnit(usualProfile) ? `${measure.digits}${suffixAsUsual(usual)}` : null
    return verdict(0.8, `the unit "${spelling}" in a column of "${usual}"`, repair)
  }
  if (spelling !== '' && bareRows < BARE_SHARE_MIN * rows) {
    const others = [...spellings.keys()].filter((one) => one !== spelling && one !== '').slice(0, 3)
    const repair = isSameUnit(usualProfile) ? bare : null
    return verdict(
      0.9,
      `the unit of the column is spelt in several ways ("${[spelling, ...others].join('", "')}")`,
      repair,
    )
  }
  return spelling === '' && isNoisy(measure)
    ? verdict(0.7, 'noise of a binary fraction', plainNumber(measure.value))
    : null
}

const suffixAsUsual = (usual: string) => (/^\p{L}/u.test(usual) ? ` ${usual}` : usual)
const withoutEmptyDecimals = (digits: string) => digits.replace(/([.,])0+$/, '')

/** So many digits that no one typed them, and that a few digits say as well. */
const isNoisy = ({ digits, value }: Measure) =>
  digits.replace(/\D/g, '').length >= 15 && digits.includes('.') && plainNumber(value).length <= 12
