/** @file Two fields in one cell: "Portland OR" as the city, and nothing as the state. */
import type { Detector, Evidence } from './detector.ts'
import { type Column, type Table, valueAt } from './table.ts'
import { isBlank } from './values.ts'

/** Blank cells of a column whose value is found in a neighbour, for it to be a habit and no chance. */
const ROWS_MIN = 3
const SHARE_MIN = 0.5
/** A column that is mostly blank has no value that must stand somewhere. */
const BLANK_SHARE_MAX = 0.5
const VOCABULARY_MAX = 5_000
const WORD_CHARS_MIN = 2

type Found = { row: number; rest: string; moved: string }

export const merged: Detector = {
  id: 'merged-cells',
  source: 'attribute shifts as in Abedjan et al., PVLDB 2016',
  *find(table) {
    for (const [to, target] of table.columns.entries()) {
      const blanks = blankRows(target)
      if (blanks.length < ROWS_MIN || blanks.length > BLANK_SHARE_MAX * table.rowCount) continue
      const vocabulary = frequentValues(target)
      for (const [from, source] of table.columns.entries()) {
        if (from === to) continue
        const found = blanks.flatMap((row) => splitOff(valueAt(source, row), row, vocabulary))
        if (found.length >= Math.max(ROWS_MIN, SHARE_MIN * blanks.length))
          yield* evidence(table, from, to, found)
      }
    }
  },
}

const blankRows = (column: Column): number[] => {
  const blank = column.values.map(isBlank)
  return [...column.codes.keys()].filter((row) => blank[column.codes[row]!])
}

const frequentValues = ({ values, counts }: Column): Set<string> =>
  new Set(
    values.length > VOCABULARY_MAX
      ? []
      : values.filter(
          (value, code) => counts[code]! > 1 && value.length >= WORD_CHARS_MIN && /\p{L}/u.test(value),
        ),
  )

/** The last words of a text, if they are a value of the blank column. */
function splitOff(text: string, row: number, vocabulary: ReadonlySet<string>): Found[] {
  for (let at = text.lastIndexOf(' '); at > 0; at = text.lastIndexOf(' ', at - 1)) {
    const moved = text.slice(at + 1)
    if (vocabulary.has(moved)) return [{ row, rest: text.slice(0, at).replace(/[\s,;/-]+$/, ''), moved }]
  }
  return []
}

function* evidence(table: Table, from: number, to: number, found: Found[]): Generator<Evidence> {
  const [source, target] = [table.columns[from]!.name, table.columns[to]!.name]
  for (const { row, rest, moved } of found) {
    const verdict = { detector: 'merged-cells', confidence: 0.97 }
    yield {
      row,
      column: from,
      verdict: { ...verdict, reason: `ends with "${moved}", which belongs in "${target}"`, repair: rest },
    }
    yield {
      row,
      column: to,
      verdict: {
        ...verdict,
        reason: `blank, and "${moved}" stands at the end of "${source}"`,
        repair: moved,
      },
    }
  }
}
