/** @file Typing errors: a rare value that is a few letters away from a much more frequent one of its column. */
import { byValue, type Detector, type Verdict } from './detector.ts'
import type { Column } from './table.ts'
import { isMissing, shapeOf } from './values.ts'

/** How many times more rows the right spelling has. */
const RATIO_MIN = 5
const RIGHT_ROWS_MIN = 3
/** Of shorter values, too many are one letter apart by nature ("CO", "CT"). */
const CHARS_MIN = 4
const CHARS_MAX = 200
/** Comparisons of a column; the most frequent values come first, so that what is left out are the rarest. */
const PAIRS_MAX = 4_000_000

export const spelling: Detector = {
  id: 'spelling',
  source: 'Heidari et al., HoloDetect, SIGMOD 2019; edit distance of Damerau 1964',
  *find(table) {
    for (const [index, column] of table.columns.entries()) {
      const rights = findRightSpellings(column)
      if (rights.size === 0) continue
      yield* byValue(column, index, (_, code) => rights.get(code) ?? null)
    }
  },
}

function findRightSpellings({ values, counts }: Column): Map<number, Verdict> {
  const found = new Map<number, Verdict>()
  const codes = [...values.keys()]
    .filter((code) => isWord(values[code]!))
    .sort((a, b) => counts[b]! - counts[a]! || a - b)
  const rights = codes.filter((code) => counts[code]! >= RIGHT_ROWS_MIN)
  let pairs = 0
  for (const code of codes) {
    const value = values[code]!
    let best: { right: number; edits: number } | null = null
    for (const right of rights) {
      if (counts[right]! < RATIO_MIN * counts[code]!) break
      if (++pairs > PAIRS_MAX) return found
      const edits = editsBetween(value, values[right]!, best ? best.edits - 1 : editsMax(value.length))
      if (edits !== null && isTypo(value, values[right]!)) best = { right, edits }
      if (edits === 1) break
    }
    if (best) found.set(code, verdictOf(values[best.right]!, counts[best.right]!, counts[code]!, best.edits, value))
  }
  return found
}

const isWord = (value: string) =>
  value.length >= CHARS_MIN && value.length <= CHARS_MAX && /\p{L}{2}/u.test(value) && !isMissing(value)

const editsMax = (chars: number) => (chars < 6 ? 1 : chars < 11 ? 2 : Math.max(3, Math.floor(chars / 6)))

/** Other digits make another code; a letter more at the end makes another form of the word. */
function isTypo(value: string, right: string): boolean {
  const digits = (text: string) => text.replace(/\D/g, '')
  if (digits(value) !== digits(right) && shapeOf(value) === shapeOf(right)) return false
  return !(value.startsWith(right) || right.startsWith(value))
}

function verdictOf(right: string, rightRows: number, ownRows: number, edits: number, value: string): Verdict {
  const ratio = rightRows / ownRows
  const shortness = value.length < 6 ? 0.15 : 0
  const confidence = Math.min(0.97, 0.6 + 0.1 * Math.log2(ratio / RATIO_MIN + 1) + (edits > 1 ? 0.05 : 0) - shortness)
  return {
    detector: 'spelling',
    confidence,
    reason: `${edits} ${edits === 1 ? 'letter' : 'letters'} from "${right.slice(0, 60)}", which ${rightRows} rows have`,
    repair: right,
  }
}

/**
 * Edits (insert, delete, substitute, swap of neighbours) that make one text of the other; null when more than `max`.
 *
 * Source: optimal string alignment; only the diagonal band within `max` is walked (Ukkonen 1985).
 */
export function editsBetween(left: string, right: string, max: number): number | null {
  const [n, m] = [left.length, right.length]
  if (max < 0 || Math.abs(n - m) > max) return null
  let before = new Int32Array(m + 1)
  let last = Int32Array.from({ length: m + 1 }, (_, j) => j)
  let row = new Int32Array(m + 1)
  for (let i = 1; i <= n; i++) {
    const [from, to] = [Math.max(1, i - max), Math.min(m, i + max)]
    row.fill(max + 1)
    row[0] = i
    let least = from === 1 ? i : max + 1
    for (let j = from; j <= to; j++) {
      const same = left.charCodeAt(i - 1) === right.charCodeAt(j - 1)
      let edits = Math.min(last[j - 1]! + (same ? 0 : 1), last[j]! + 1, row[j - 1]! + 1)
      const swapped =
        i > 1 &&
        j > 1 &&
        left.charCodeAt(i - 1) === right.charCodeAt(j - 2) &&
        left.charCodeAt(i - 2) === right.charCodeAt(j - 1)
      if (swapped) edits = Math.min(edits, before[j - 2]! + 1)
      row[j] = edits
      least = Math.min(least, edits)
    }
    if (least > max) return null
    ;[before, last, row] = [last, row, before]
  }
  return last[m]! <= max ? last[m]! : null
}
