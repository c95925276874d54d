/** @file Columns of an Arrow table as typed arrays, checked: every column that is not as it must be throws, for `decodeSegment` to catch. */
import type * as arrow from '@uwdata/flechette'

export type Batch = {
  values: unknown
  offsets: unknown
  children: Batch[]
  length: number
  /** Of dictionary columns, whose values are positions in it. */
  dictionary?: { length: number; at(code: number): unknown }
}

export function columnOf(table: arrow.Table, name: string): arrow.Column<unknown> {
  const column = table.getChild(name)
  if (!column) throw new Error(`column "${name}" is missing`)
  if (column.nullCount > 0) throw new Error(`column "${name}" has nulls`)
  return column as arrow.Column<unknown>
}

/** The only record batch of a column; writers make one. */
export function batchOf(table: arrow.Table, name: string): Batch {
  const { data } = columnOf(table, name)
  if (data.length !== 1) throw new Error(`column "${name}" has ${data.length} batches, not 1`)
  return data[0] as unknown as Batch
}

export function view<T extends object>(
  values: unknown,
  kind: new (length: number) => T,
  length: number,
  name: string,
): T {
  if (!(values instanceof kind)) throw new Error(`column "${name}" is not a ${kind.name}`)
  const array = values as unknown as { length: number; subarray(from: number, to: number): T }
  if (array.length < length) throw new Error(`column "${name}" is too short`)
  return array.subarray(0, length)
}

export const valuesOf = <T extends object>(
  table: arrow.Table,
  name: string,
  kind: new (length: number) => T,
  length: number,
): T => view(batchOf(table, name).values, kind, length, name)
