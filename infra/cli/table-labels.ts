/** @file The labels of `aisle clean`: a CSV of rows with their clean values, the row's number first. */
import type { Labels } from '../../shared/quality/table/detector.ts'
import { readTable } from './catalogue-file.ts'
import { Failure } from './failure.ts'

/** More are no few labels, and learning from them would not be quick. */
const LABELS_MAX = 1_000

/**
 * Columns are told by name; where not all names are the table's, by place, if there are as many.
 *
 * @throws Failure that says what does not fit
 */
export async function readLabels(
  file: string,
  table: { names: string[]; rowCount: number },
): Promise<Labels> {
  const labels = new Map<number, (string | undefined)[]>()
  let places: number[] | null = null
  for await (const { names, fields } of readTable(file)) {
    if (places === null) {
      places = placesOf(names, table.names, file)
      continue
    }
    const row = Number(fields[0])
    if (fields[0]?.trim() === '' || !Number.isInteger(row) || row < 0 || row >= table.rowCount)
      throw new Failure(
        `"${file}": "${fields[0]}" is no row of the table, whose rows are 0 to ${table.rowCount - 1}.`,
      )
    const clean = new Array<string | undefined>(table.names.length).fill(undefined)
    for (const [at, place] of places.entries()) clean[place] = fields[at + 1] ?? ''
    labels.set(row, clean)
    if (labels.size > LABELS_MAX) throw new Failure(`"${file}" has more than ${LABELS_MAX} labelled rows.`)
  }
  return labels
}

/** The table's column for each column of the labels after the first. */
function placesOf(header: readonly string[], names: readonly string[], file: string): number[] {
  const [first, ...others] = header
  if (first !== 'row')
    throw new Failure(`"${file}": the first column of labels is "row", the number of the row from 0.`)
  const places = others.map((name) => names.indexOf(name))
  if (places.every((place) => place >= 0)) return places
  if (others.length === names.length) return [...names.keys()]
  throw new Failure(`"${file}": the table has no column "${others[places.indexOf(-1)]}".`)
}
