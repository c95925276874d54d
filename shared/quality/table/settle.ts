/** @file Repairs put in until nothing is left to repair, so that to repair a repaired table changes nothing. */
import type { Labels } from './detector.ts'
import { judgeTable } from './judge.ts'
import { createTable, type Table, valueAt } from './table.ts'

/** Real tables settle in two to four rounds; one that does not by then goes round in circles. */
const ROUNDS_MAX = 8

export type Repair = { row: number; column: number; repair?: string }

/** The table with the repairs put in; cells without one stay. */
export function applyRepairs(table: Table, repairs: readonly Repair[]): Table {
  const rows = Array.from({ length: table.rowCount }, (_, row) =>
    table.columns.map((column) => valueAt(column, row)),
  )
  for (const { row, column, repair } of repairs) if (repair !== undefined) rows[row]![column] = repair
  return createTable(
    table.columns.map(({ name }) => name),
    rows,
  )
}

/**
 * A repair may give another rule cause to repair: rounds go on until none has. Repairs that chase each other are none,
 * and the table comes back as it was, so either way `settle(settle(t))` is `settle(t)`.
 */
export function settle(table: Table, labels: Labels): Table {
  let settled = table
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const repairs = judgeTable(settled, labels).suspects.filter(({ repair }) => repair !== undefined)
    if (repairs.length === 0) return settled
    settled = applyRepairs(settled, repairs)
  }
  return table
}
