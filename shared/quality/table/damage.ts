/** @file What programs do to values on their way: wrong decoding, escaped characters, a spreadsheet's errors and its guessed dates. */
import { byValue, type Detector, type Verdict } from './detector.ts'
import type { Column } from './table.ts'
import { shapeOf } from './values.ts'

/** Damage of more than this share of a column is how the column is. */
const SHARE_MAX = 0.3
/** UTF-8 of Latin letters, read as Windows-1252. */
const MOJIBAKE = /[ÃÂ][\u0080-\u00bf\u0152-\u0192\u02c6-\u02dc\u2013-\u2122]|â€[\u0080-\u00bf™œ“”¦˜\u009d]/
const ENTITY = /&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,5}|#x[\da-f]{2,5});?/i
const SPREADSHEET_ERROR = /^#(?:REF!|VALUE!|DIV\/0!|NAME\?|NUM!|NULL!)$|^#{3,}$/
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const GUESSED_DATE = /^(?:(\d{1,2})-([A-Za-z]{3})|([A-Za-z]{3})-(\d{2}))$/

export const damage: Detector = {
  id: 'damage',
  source:
    'Ziemann et al., Gene name errors are widespread, Genome Biology 2016 (guessed dates); RFC 3629 (decoding)',
  *find(table) {
    for (const [index, column] of table.columns.entries()) {
      const isRange = rangeShare(column) > 0.3
      const verdicts = column.values.map((value) => judge(value, isRange))
      const rows = verdicts.reduce((sum, verdict, code) => sum + (verdict ? column.counts[code]! : 0), 0)
      if (rows > 0 && rows <= SHARE_MAX * table.rowCount)
        yield* byValue(column, index, (_, code) => verdicts[code]!)
    }
  },
}

/** Share of the cells that are two numbers with a hyphen, as page ranges and many codes are. */
function rangeShare({ values, counts, codes }: Column): number {
  const rows = values.reduce((sum, value, code) => sum + (shapeOf(value) === '9-9' ? counts[code]! : 0), 0)
  return rows / Math.max(1, codes.length)
}

function judge(value: string, isRange: boolean): Verdict | null {
  const verdict = (confidence: number, reason: string, repair?: string): Verdict => ({
    detector: 'damage',
    confidence,
    reason,
    ...(repair === undefined ? {} : { repair }),
  })
  if (SPREADSHEET_ERROR.test(value)) return verdict(0.95, 'an error message of a spreadsheet')
  if (value !== value.trim() && value.trim() !== '')
    return verdict(0.9, 'white space at the edge', value.trim())
  if (value.includes('\ufffd')) return verdict(0.7, 'letters lost by a wrong decoding')
  if (MOJIBAKE.test(value)) return verdict(0.8, 'UTF-8 read as Windows-1252', redecode(value))
  if (ENTITY.test(value)) return verdict(0.6, 'escaped characters of HTML', unescapeHtml(value))
  if (isRange && GUESSED_DATE.test(value))
    return verdict(0.9, 'two numbers that a spreadsheet took for a date', restoreRange(value))
  return /[\u0000-\u0008\u000e-\u001f\u007f]/.test(value)
    ? verdict(0.8, 'control characters', value.replace(/[\u0000-\u0008\u000e-\u001f\u007f]/g, ''))
    : null
}

/** "10-May" was "5-10" or "10-5": the months of a range stand in the order that the day does not. */
function restoreRange(value: string): string | undefined {
  const [, day, monthAfter, monthBefore, year] = GUESSED_DATE.exec(value)!
  const month = MONTHS.indexOf((monthAfter ?? monthBefore)!.toLowerCase()) + 1
  if (month === 0) return undefined
  return day === undefined ? `${month}-${Number(year)}` : `${month}-${Number(day)}`
}

const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'

function redecode(value: string): string | undefined {
  const bytes = Array.from(value, (character) => {
    const code = character.codePointAt(0)!
    return code < 0x100 ? code : WINDOWS_1252.indexOf(character) + 0x80
  })
  if (bytes.some((byte) => byte < 0 || byte > 0xff)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }
const unescapeHtml = (value: string) =>
  value.replace(/&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{2,5})|#x([\da-f]{2,5}));?/gi, (_, name, decimal, hex) =>
    name
      ? NAMED[name.toLowerCase()]!
      : String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16)),
  )
