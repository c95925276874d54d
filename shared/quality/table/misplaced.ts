/** @file A value that the column has nowhere else, and that another column has often: it slipped a column. */
import { byValue, type Detector } from './detector.ts'
import type { Table } from './table.ts'
import { isMissing, shapeOf } from './values.ts'

const OTHER_ROWS_MIN = 5
const VOCABULARY_MAX = 5_000
/** Columns that share this much of their values are of one kind, and a value may stand in either. */
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
      const foreign = column.values.filter((value) => owners.get(value)?.some((one) => one !== index))
      if (foreign.length === 0 || foreign.length > SHARED_MAX * column.values.length) continue
      yield* byValue(column, index, (value, code) => {
        const owner = owners.get(value)?.find((one) => one !== index)
        if (owner === undefined || column.counts[code]! > 2 || /^\d{1,4}$/.test(value)) return null
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
function ownersOf({ columns }: Table): Map<string, number[]> {
  const owners = new Map<string, number[]>()
  for (const [index, { values, counts }] of columns.entries()) {
    if (values.length > VOCABULARY_MAX) continue
    values.forEach((value, code) => {
      if (counts[code]! < OTHER_ROWS_MIN || isMissing(value)) return
      owners.set(value, [...(owners.get(value) ?? []), index])
    })
  }
  return owners
}
