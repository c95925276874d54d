/** @file Rows that share a value of a column, and how much they agree in another: the base of dependencies. */
import type { Column, Table } from './table.ts'
import { isMissing } from './values.ts'

/** Rows by value of a column, missing values left out: those of group g are `rows[starts[g]] … rows[starts[g + 1] - 1]`. */
export type Groups = { rows: Int32Array; starts: Int32Array }

export const missingCodes = (column: Column): boolean[] => column.values.map(isMissing)

/** Groups in the order of the column's values; those of missing values are empty. */
export function groupRows(column: Column): Groups {
  const isAbsent = missingCodes(column)
  const starts = new Int32Array(column.values.length + 1)
  column.counts.forEach((count, code) => {
    starts[code + 1] = starts[code]! + (isAbsent[code] ? 0 : count)
  })
  const next = starts.slice()
  const rows = new Int32Array(starts.at(-1)!)
  column.codes.forEach((code, row) => {
    if (!isAbsent[code]) rows[next[code]!++] = row
  })
  return { rows, starts }
}

export type Agreement = {
  /** Probability that two rows of one group have the same value. */
  within: number
  /** That of any two rows. */
  overall: number
  /** Rows in groups of at least two. */
  rows: number
  groups: number
  /** Groups that have two different values, as a share. */
  split: number
}

/** @param isAbsent by code of `to`: values that say nothing */
export function agreementOf(groups: Groups, to: Column, isAbsent: readonly boolean[]): Agreement {
  const counts = new Int32Array(to.values.length)
  let [same, pairs, rows, count, split] = [0, 0, 0, 0, 0]
  for (let group = 0; group + 1 < groups.starts.length; group++) {
    const [start, end] = [groups.starts[group]!, groups.starts[group + 1]!]
    if (end - start < 2) continue
    let size = 0
    let sameHere = 0
    for (let at = start; at < end; at++) {
      const code = to.codes[groups.rows[at]!]!
      if (isAbsent[code]) continue
      size++
      sameHere += counts[code]!++
    }
    for (let at = start; at < end; at++) counts[to.codes[groups.rows[at]!]!] = 0
    if (size < 2) continue
    const pairsHere = (size * (size - 1)) / 2
    // A large group weighs as its rows, not as its pairs: else one value that is everywhere would decide alone.
    same += (sameHere / pairsHere) * size
    pairs += size
    rows += size
    count++
    if (sameHere < pairsHere) split++
  }
  let total = 0
  let squares = 0
  to.counts.forEach((n, code) => {
    if (isAbsent[code]) return
    total += n
    squares += n * (n - 1)
  })
  return {
    within: pairs === 0 ? 0 : same / pairs,
    overall: total < 2 ? 1 : squares / (total * (total - 1)),
    rows,
    groups: count,
    split: count === 0 ? 0 : split / count,
  }
}

/** Columns that dependencies are looked for between; in a wider table, those with the fewest distinct values. */
const COLUMNS_MAX = 48

/** Columns whose values repeat, so that rows can be grouped by them. */
export function groupingColumns({ columns, rowCount }: Table): number[] {
  const repeats = [...columns.keys()].filter((index) => {
    const distinct = columns[index]!.values.length
    return distinct > 1 && distinct <= 0.8 * rowCount
  })
  return repeats
    .sort((a, b) => columns[a]!.values.length - columns[b]!.values.length)
    .slice(0, COLUMNS_MAX)
    .sort((a, b) => a - b)
}
