/** @file Sums and products between the columns of a row (net + tax = gross, price × quantity = total), and rows that break one. */
import type { Detector, Evidence } from './detector.ts'
import { type Table, valueAt } from './table.ts'
import { isMissing, parseNumber, plainNumber } from './values.ts'

/** The equation must hold in so many of the rows that have all three numbers. */
const SHARE_MIN = 0.9
const ROWS_MIN = 20
const COLUMNS_MAX = 12
/** Rounded to cents. */
const TOLERANCE = 0.011
const NUMBER_SHARE_MIN = 0.8

type Equation = { left: number; right: number; result: number; sign: '+' | '×' }

export const arithmetic: Detector = {
  id: 'arithmetic',
  source: 'equality constraints between columns: Chu, Ilyas, Papotti, ICDE 2013 (denial constraints)',
  *find(table) {
    const columns = numberColumns(table)
    for (const equation of equationsOf([...columns.keys()])) {
      const numbers = (index: number) => columns.get(index)!
      yield* check(table, equation, numbers(equation.left), numbers(equation.right), numbers(equation.result))
    }
  },
}

/** Numbers by row, of the columns that have little else. */
function numberColumns({ columns, rowCount }: Table): Map<number, Float64Array> {
  const found = new Map<number, Float64Array>()
  for (const [index, column] of columns.entries()) {
    if (found.size === COLUMNS_MAX) break
    if (column.values.length < 3) continue
    const numbers = column.values.map((value) =>
      isMissing(value) ? Number.NaN : (parseNumber(value) ?? Number.NaN),
    )
    const rows = column.counts.reduce(
      (sum, count, code) => sum + (Number.isNaN(numbers[code]!) ? 0 : count),
      0,
    )
    if (rows >= NUMBER_SHARE_MIN * rowCount)
      found.set(
        index,
        Float64Array.from(column.codes, (code) => numbers[code]!),
      )
  }
  return found
}

function* equationsOf(columns: readonly number[]): Generator<Equation> {
  for (const [at, left] of columns.entries())
    for (const right of columns.slice(at + 1))
      for (const result of columns)
        if (result !== left && result !== right)
          for (const sign of ['+', '×'] as const) yield { left, right, result, sign }
}

function* check(
  table: Table,
  { left, right, result, sign }: Equation,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
): Generator<Evidence> {
  const made = (row: number) => (sign === '+' ? a[row]! + b[row]! : a[row]! * b[row]!)
  const broken: number[] = []
  let [rows, telling] = [0, 0]
  for (let row = 0; row < table.rowCount; row++) {
    if (Number.isNaN(a[row]! + b[row]! + c[row]!)) continue
    rows++
    if (Math.abs(made(row) - c[row]!) > TOLERANCE) broken.push(row)
    // 0 + x and 1 · x say that two columns are equal, not that three are bound.
    else if (a[row] !== c[row] && b[row] !== c[row]) telling++
    if (broken.length > (1 - SHARE_MIN) * table.rowCount) return
  }
  if (rows < ROWS_MIN || telling < SHARE_MIN * rows) return
  const name = `${table.columns[left]!.name} ${sign} ${table.columns[right]!.name}`
  for (const row of broken) {
    const repair = plainNumber(made(row))
    const reason = `is not ${name}, which is ${repair} here, and elsewhere this column is`
    const verdict = { detector: 'arithmetic', confidence: 0.7, reason, repair }
    if (valueAt(table.columns[result]!, row) !== repair) yield { row, column: result, verdict }
  }
}
