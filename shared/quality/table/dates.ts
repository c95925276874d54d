/**
 * @file Dates as people write them, and cells whose date is written another way than nearly all of their column. Forms:
 * ISO (2024-03-01), slashes (3/1/24 as in the US, 1/3/24 as in Europe), dots (01.03.2024), month names (1 Mar 2024,
 * March 1, 2024), compact (20240301), each also with a time behind.
 */
import { byValue, type Detector } from './detector.ts'
import type { Column } from './table.ts'
import { isMissing } from './values.ts'

export type DateForm = 'iso' | 'us' | 'european' | 'dotted' | 'day-month' | 'month-day' | 'compact'
export type ParsedDate = { form: DateForm; year: number; month: number; day: number; time: string }

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const TIME = String.raw`(?:[T ,]+(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[ap]\.?m\.?)?(?:Z|[+-]\d{2}:?\d{2})?))?`
const NUMBER_FORMS: [RegExp, readonly DateForm[], readonly ('year' | 'month' | 'day')[]][] = [
  [new RegExp(`^(\\d{4})-(\\d{1,2})-(\\d{1,2})${TIME}$`, 'i'), ['iso'], ['year', 'month', 'day']],
  [new RegExp(`^(\\d{1,2})/(\\d{1,2})/(\\d{4}|\\d{2})${TIME}$`, 'i'), ['us'], ['month', 'day', 'year']],
  [new RegExp(`^(\\d{1,2})/(\\d{1,2})/(\\d{4}|\\d{2})${TIME}$`, 'i'), ['european'], ['day', 'month', 'year']],
  [
    new RegExp(`^(\\d{1,2})\\.(\\d{1,2})\\.(\\d{4}|\\d{2})${TIME}$`, 'i'),
    ['dotted'],
    ['day', 'month', 'year'],
  ],
  [/^((?:19|20)\d{2})(\d{2})(\d{2})()$/, ['compact'], ['year', 'month', 'day']],
]
const DAY_MONTH = new RegExp(`^(\\d{1,2})\\.?[ -]([a-z]{3,9})\\.?,?[ -](\\d{4}|\\d{2})${TIME}$`, 'i')
const MONTH_DAY = new RegExp(`^([a-z]{3,9})\\.? (\\d{1,2})(?:st|nd|rd|th)?,? (\\d{4})${TIME}$`, 'i')
/** Two digits of a year from here on are of the last century, as POSIX has it. */
const CENTURY_PIVOT = 69

/** Every reading of the text as a date: two for 3/1/24, which slashes leave open. */
export function parseDates(text: string): ParsedDate[] {
  const bare = text.trim()
  if (bare.length < 6 || bare.length > 40) return []
  const readings = NUMBER_FORMS.flatMap(([pattern, [form], order]) => {
    const match = pattern.exec(bare)
    if (!match) return []
    const part = (name: 'year' | 'month' | 'day') => match[order.indexOf(name) + 1]!
    return dateOf(form!, part('year'), Number(part('month')), part('day'), match[4])
  })
  const dayFirst = DAY_MONTH.exec(bare)
  if (dayFirst)
    readings.push(...dateOf('day-month', dayFirst[3]!, monthOf(dayFirst[2]!), dayFirst[1]!, dayFirst[4]))
  const monthFirst = MONTH_DAY.exec(bare)
  if (monthFirst)
    readings.push(
      ...dateOf('month-day', monthFirst[3]!, monthOf(monthFirst[1]!), monthFirst[2]!, monthFirst[4]),
    )
  return readings
}

const monthOf = (name: string): number => MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1

function dateOf(form: DateForm, years: string, month: number, days: string, time = ''): ParsedDate[] {
  const short = Number(years)
  const year = years.length > 2 ? short : short + (short < CENTURY_PIVOT ? 2000 : 1900)
  const day = Number(days)
  const isDate =
    month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
  return isDate ? [{ form, year, month, day, time }] : []
}

const two = (n: number) => String(n).padStart(2, '0')
const NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** @param like a date in the wanted writing, which says how long years are and whether zeros lead */
export function writeDate({ year, month, day }: ParsedDate, form: DateForm, like: string): string {
  const isPadded = !/(?:^|\D)\d(?:\D|$)/.test(like)
  const years = /\d{4}/.test(like) ? String(year) : two(year % 100)
  const [m, d] = isPadded ? [two(month), two(day)] : [String(month), String(day)]
  switch (form) {
    case 'iso':
      return `${year}-${two(month)}-${two(day)}`
    case 'us':
      return `${m}/${d}/${years}`
    case 'european':
      return `${d}/${m}/${years}`
    case 'dotted':
      return `${d}.${m}.${years}`
    case 'compact':
      return `${year}${two(month)}${two(day)}`
    case 'day-month':
      return `${d} ${NAMES[month - 1]} ${years}`
    case 'month-day':
      return `${NAMES[month - 1]} ${d}, ${years}`
  }
}

const DATE_SHARE_MIN = 0.8
const USUAL_SHARE_MIN = 0.8
const ROWS_MIN = 10

export const dates: Detector = {
  id: 'date-form',
  source: 'mixed formats as in Heer et al., Wrangler, CHI 2011; ISO 8601',
  *find(table) {
    for (const [index, column] of table.columns.entries()) {
      const usual = usualForm(column)
      if (usual === null) continue
      yield* byValue(column, index, (value) => {
        if (isMissing(value)) return null
        const readings = parseDates(value)
        if (readings.length === 0)
          return { detector: 'date-form', confidence: 0.7, reason: 'no date, in a column of dates' }
        if (readings.some(({ form }) => form === usual.form)) return null
        const reason = `a date written as ${readings[0]!.form}, where the column writes ${usual.form}`
        const sure = readings.length === 1 && readings[0]!.time === ''
        return {
          detector: 'date-form',
          confidence: 0.85,
          reason,
          ...(sure ? { repair: writeDate(readings[0]!, usual.form, usual.like) } : {}),
        }
      })
    }
  },
}

/** The form of nearly all dates of a column, with a date that is written so. */
function usualForm({ values, counts }: Column): { form: DateForm; like: string } | null {
  const rows = new Map<DateForm, number>()
  const likes = new Map<DateForm, string>()
  let withValue = 0
  let withDate = 0
  values.forEach((value, code) => {
    if (isMissing(value)) return
    withValue += counts[code]!
    const readings = parseDates(value)
    if (readings.length > 0) withDate += counts[code]!
    for (const { form } of readings) {
      rows.set(form, (rows.get(form) ?? 0) + counts[code]!)
      if (!likes.has(form)) likes.set(form, value)
    }
  })
  if (withValue < ROWS_MIN || withDate < DATE_SHARE_MIN * withValue || rows.size === 0) return null
  const [form, count] = [...rows].reduce((a, b) => (b[1] > a[1] ? b : a))
  return count >= USUAL_SHARE_MIN * withDate ? { form, like: likes.get(form)! } : null
}
