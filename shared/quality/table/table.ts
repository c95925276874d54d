/** @file A table by columns. Each distinct value is kept once, so that rules judge values, not cells. */

export type Column = {
  name: string
  /** Distinct values as they stand in the file, in order of first appearance. */
  values: string[]
  /** Rows that have the value, by its index. */
  counts: number[]
  /** Index into `values`, by row. */
  codes: Int32Array
}
export type Table = { columns: Column[]; rowCount: number }

/** @param rows fields by column; a missing field is an empty one */
export function createTable(
  names: readonly string[],
  rows: readonly (readonly (string | undefined)[])[],
): Table {
  const columns = names.map((name, at): Column => {
    const values: string[] = []
    const counts: number[] = []
    const codes = new Int32Array(rows.length)
    const codeOf = new Map<string, number>()
    rows.forEach((fields, row) => {
      const value = fields[at] ?? ''
      let code = codeOf.get(value)
      if (code === undefined) {
        code = values.push(value) - 1
        counts.push(0)
        codeOf.set(value, code)
      }
      counts[code]!++
      codes[row] = code
    })
    return { name, values, counts, codes }
  })
  return { columns, rowCount: rows.length }
}

export const valueAt = (column: Column, row: number): string => column.values[column.codes[row]!]!
