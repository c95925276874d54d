/**
 * @file Which rows a person should label: those that together show the most of the kinds of cells that the detectors are
 * not sure of. A kind is a column, what the detectors say, and how the value is made.
 *
 * Source: tuple sampling by cluster coverage, Raha, SIGMOD 2019; greedy cover.
 */
import { caseOf, featuresOfVerdicts } from './features.ts'
import { combine, type Verdicts } from './judge.ts'
import type { Table } from './table.ts'
import { isMissing, shapeOf } from './values.ts'

/** A kind that a chosen row shows already counts this much less for the next. */
const SEEN_FACTOR = 0.3
/** Of what little the detectors are unsure, something is left: they may all be wrong. */
const DOUBT_MIN = 0.2

/** @returns rows from 0, the most telling first; fewer than `count` only where the table has fewer */
export function suggestRows(table: Table, verdicts: Verdicts, count: number): number[] {
  const { kinds, worth } = kindsOf(table, verdicts)
  const width = kinds.length / Math.max(1, table.rowCount)
  const chosen: number[] = []
  const isChosen = new Uint8Array(table.rowCount)
  while (chosen.length < Math.min(count, table.rowCount)) {
    let best = -1
    let bestWorth = -1
    for (let row = 0; row < table.rowCount; row++) {
      if (isChosen[row]) continue
      let sum = 0
      for (let at = row * width; at < (row + 1) * width; at++) sum += worth[kinds[at]!]!
      if (sum > bestWorth) [best, bestWorth] = [row, sum]
    }
    isChosen[best] = 1
    chosen.push(best)
    for (let at = best * width; at < (best + 1) * width; at++) worth[kinds[at]!]! *= SEEN_FACTOR
  }
  return chosen
}

/** Each cell is of several kinds: by what the detectors say, by its kinds of characters, by its case and edges. */
const VIEWS = 3

/** The kinds of each cell, and what a label of each kind is worth: how many cells, and how unsure they are. */
function kindsOf(table: Table, verdicts: Verdicts) {
  const ids = new Map<string, number>()
  const cells: number[] = []
  const doubts: number[] = []
  const width = table.columns.length * VIEWS
  const kinds = new Int32Array(table.rowCount * width)
  const idOf = (name: string, doubt: number): number => {
    const id = ids.get(name) ?? ids.set(name, ids.size).get(name)!
    cells[id] = (cells[id] ?? 0) + 1
    doubts[id] = (doubts[id] ?? 0) + doubt
    return id
  }
  for (const [index, column] of table.columns.entries()) {
    const views = column.values.map((value) => [
      `${index} made ${charactersOf(value)}`,
      `${index} worn ${wearOf(value)}`,
    ])
    for (let row = 0; row < table.rowCount; row++) {
      const said = verdicts.get(row * table.columns.length + index) ?? []
      const p = combine(said)
      const doubt = 4 * p * (1 - p)
      const code = column.codes[row]!
      const all = [`${index} said ${featuresOfVerdicts(said).sort().join()}`, ...views[code]!]
      for (const [view, name] of all.entries()) kinds[row * width + index * VIEWS + view] = idOf(name, doubt)
    }
  }
  const worth = cells.map((size, id) => Math.log1p(size) * (DOUBT_MIN + doubts[id]! / size))
  return { kinds, worth }
}

/** Which kinds of characters a value has. */
const charactersOf = (value: string): string =>
  isMissing(value) ? `missing ${value}` : [...new Set(shapeOf(value))].sort().join('')

/** How a value looks from afar: its case, and what it starts and ends with. */
function wearOf(value: string): string {
  const shape = shapeOf(value)
  return `${caseOf(value)} ${shape[0] ?? ''}${shape.at(-1) ?? ''}`
}
