/** @file A value that the column has nowhere else, and that another column has often: it slipped a column. */
import { byValue, type Detector } from './detector.ts'
import type { Table } from './table.ts'
import { isMissing, shapeOf } from './values.ts'

const OTHER_ROWS_MIN = 5
const VOCABULARY_MAX = 5_000
/** How many times more rows of the other column have the value. */
const OWNER_RATIO = 5
/** Columns that share the values of this much of their rows are of one kind, and a value may stand in either. */
const SHARED_MAX = 0.1

export const misplaced: Detector = {
  id: 'misplaced',
  source: 'Abedjan et al., PVLDB 2016',
  *find(table) {
    const owners = ownersOf(table)
    for (const [index, column] of table.columns.entries()) {
      if (column.values.length > table.rowCount / 2) continue
      const shapes = new Map<string, number>()
      column.values.forEach((value, code) => {
        shapes.set(shapeOf(value), (shapes.get(shapeOf(value)) ?? 0) + column.counts[code]!)
      })
      const foreign = column.values.map((value, code) => {
        const owner = owners.get(value)?.find((one) => one.column !== index)
        return owner && column.counts[code]! * OWNER_RATIO <= owner.rows ? owner.column : null
      })
      const rows = column.counts.reduce((sum, count, code) => sum + (foreign[code] === null ? 0 : count), 0)
      if (rows === 0 || rows > SHARED_MAX * table.rowCount) continue
      yield* byValue(column, index, (value, code) => {
        const owner = foreign[code] ?? null
        if (owner === null || /^\d{1,4}$/.test(value)) return null
        const { name } = table.columns[owner]!
        const isOddHere = shapes.get(shapeOf(value))! <= 0.02 * table.rowCount
        return {
          detector: 'misplaced',
          confidence: isOddHere ? 0.85 : 0.55,
          reason: `a value of "${name}", which this column does not have`,
        }
      })
    }
  },
}

/** The columns in which a value is frequent. */
function ownersOf({ columns }: Table): Map<string, { column: number; rows: number }[]> {
  const owners = new Map<string, { column: number; rows: number }[]>()
  for (const [index, { values, counts }] of columns.entries()) {
    if (values.length > VOCABULARY_MAX) continue
    values.forEach((value, code) => {
      if (counts[code]! < OTHER_ROWS_MIN || isMissing(value)) return
      owners.set(value, [...(owners.get(value) ?? []), { column: index, rows: counts[code]! }])
    })
  }
  return owners
}
