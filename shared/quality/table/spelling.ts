/** @file Typing errors: a rare value that is a few letters away from a much more frequent one of its column. */
import { byValue, type Detector, type Verdict } from './detector.ts'
import type { Column } from './table.ts'
import { fingerprintOf, isMissing, shapeOf } from './values.ts'

/** How many times more rows the right spelling has. */
const RATIO_MIN = 5
const RIGHT_ROWS_MIN = 3
const CHARS_MIN = 2
/** Of shorter values, many are one letter apart by nature ("CO", "CT"): alone, that is no reason. */
const CHARS_SHORT = 4
/** In a column of names that are nearly all different, two that are alike are two names. */
const DISTINCT_SHARE_MAX = 0.6
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

function findRightSpellings({ values, counts, codes: rows }: Column): Map<number, Verdict> {
  const found = new Map<number, Verdict>()
  if (values.length > DISTINCT_SHARE_MAX * rows.length) return found
  const codes = [...values.keys()]
    .filter((code) => isWord(values[code]!))
    .sort((a, b) => counts[b]! - counts[a]! || a - b)
  const rights = codes.filter((code) => counts[code]! >= RIGHT_ROWS_MIN)
  const known = knownWords(codes.map((code) => values[code]!))
  let pairs = 0
  for (const code of codes) {
    let best: { right: number; edits: number } | null = null
    for (const right of rights) {
      if (counts[right]! < RATIO_MIN * counts[code]!) break
      if (++pairs > PAIRS_MAX) return found
      const edits = editsBetween(
        values[code]!,
        values[right]!,
        best ? best.edits - 1 : editsMax(values[code]!.length),
      )
      if (edits !== null && isTypo(values[code]!, values[right]!, known)) best = { right, edits }
      if (best?.edits === 1) break
    }
    if (best)
      found.set(
        code,
        verdictOf(values[best.right]!, counts[best.right]!, counts[code]!, best.edits, values[code]!.length),
      )
  }
  return found
}

/** Words that more than one value has: that they stand in one more is no error of typing. */
function knownWords(values: readonly string[]): Set<string> {
  const counts = new Map<string, number>()
  for (const value of values)
    for (const word of new Set(wordsOf(value))) counts.set(word, (counts.get(word) ?? 0) + 1)
  return new Set([...counts].filter(([, count]) => count > 1).map(([word]) => word))
}

const wordsOf = (value: string): string[] => value.toLowerCase().split(/[^\p{L}\p{N}]+/u)

const isWord = (value: string) =>
  value.length >= CHARS_MIN && value.length <= CHARS_MAX && /\p{L}{2}/u.test(value) && !isMissing(value)

const editsMax = (chars: number) => (chars < 8 ? 1 : Math.max(2, Math.floor(chars / 5)))

const editsMaxOfWord = (chars: number) => Math.max(1, Math.floor(chars / 4))

/**
 * Other digits make another code, a known word in the place of another makes another name, and letters more at the end
 * make another form of a word; all else is a slip of the fingers.
 */
function isTypo(value: string, right: string, known: ReadonlySet<string>): boolean {
  const digits = (text: string) => text.replace(/\D/g, '')
  if (digits(value) !== digits(right) && shapeOf(value) === shapeOf(right)) return false
  if (value.startsWith(right) || right.startsWith(value) || fingerprintOf(value) === fingerprintOf(right))
    return false
  const [own, others] = [wordsOf(value), wordsOf(right)]
  if (own.length !== others.length) return true
  return own.every(
    (word, at) =>
      word === others[at] ||
      (!known.has(word) && editsBetween(word, others[at]!, editsMaxOfWord(word.length)) !== null),
  )
}

function verdictOf(right: string, rightRows: number, ownRows: number, edits: number, chars: number): Verdict {
  const ratio = Math.log2(rightRows / ownRows / RATIO_MIN + 1)
  const confidence = chars < CHARS_SHORT ? 0.2 : Math.min(0.97, (chars < 6 ? 0.45 : 0.6) + 0.1 * ratio)
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
