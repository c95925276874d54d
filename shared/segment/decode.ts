/** @file Two Arrow IPC files → a segment: typed-array views over the bytes, strings only when asked for. Untrusted input. */
import * as arrow from '@uwdata/flechette'
import { err, ok, type Result } from '../lib/result.ts'
import { sha256Hex } from '../lib/sha256.ts'
import type { Blob, SegmentRef } from '../schema/manifest.ts'
import { DIM_MAX, DIM_STEP } from '../vector/quantise.ts'
import { CATEGORY_SEPARATOR, compareBytes, STOCK_UNKNOWN } from './encode.ts'

export type FormatError = { kind: 'corrupt'; reason: string }

/** A loaded segment. Arrays have one entry per row; views keep the file's buffers alive, unless it is `detached`. */
export type Segment = {
  readonly ref: SegmentRef
  readonly rows: number
  readonly dim: number
  readonly number: Uint32Array
  readonly version: Uint32Array
  /** 0 for tombstones. */
  readonly live: Uint8Array
  /** NaN when unknown. */
  readonly price: Float64Array
  /** -1 when unknown. */
  readonly stock: Int32Array
  readonly length: Uint32Array
  /** u8[rows, dim], see `shared/vector/quantise.ts`; empty once an engine holds them. */
  readonly vectors: Uint8Array
  /** 0 when the row has no vector. */
  readonly vectorScale: Float32Array
  readonly text: TextColumns
  readonly terms: TermDictionary
  /** Bytes that stay resident. */
  readonly bytes: number
}
type TextColumn = (row: number) => string
export type TextColumns = Record<
  'contentHash' | 'id' | 'title' | 'brand' | 'currency' | 'image' | 'url',
  TextColumn
> & {
  category(row: number): string[]
}
export type TermDictionary = {
  readonly count: number
  /** Position of a term, -1 when absent. */
  find(term: string): number
  /** Positions [from, to) of the terms that start with `prefix`, cut to `max`. */
  range(prefix: string, max: number): [number, number]
  term(at: number): string
  /** Rows ascending, and weights in half words; views. */
  postings(at: number): { rows: Uint32Array; weights: Uint8Array }
}

/** Do the bytes have the size and the SHA-256 that the manifest names? */
export const verifyBlob = async (bytes: Uint8Array, blob: Blob): Promise<boolean> =>
  bytes.length === blob.bytes && (await sha256Hex(bytes)) === blob.sha256

/**
 * Every malformed input is an `err`, never a throw.
 *
 * @param detach copies every column but the vectors out of the items file: once an engine has taken those, nothing keeps the
 *               file, and no vector is in memory twice
 */
export function decodeSegment(
  files: { items: Uint8Array; terms: Uint8Array },
  ref: SegmentRef,
  { detach = false } = {},
): Result<Segment, FormatError> {
  try {
    return ok(read(files, ref, detach))
  } catch (error) {
    return err({ kind: 'corrupt', reason: error instanceof Error ? error.message : String(error) })
  }
}

/** The same segment without its vectors: an engine holds them. */
export const withoutVectors = (segment: Segment): Segment => ({
  ...segment,
  vectors: new Uint8Array(),
  bytes: segment.bytes - segment.vectors.length,
})

function read(files: { items: Uint8Array; terms: Uint8Array }, ref: SegmentRef, detach: boolean): Segment {
  const items = arrow.tableFromIPC(files.items)
  const rows = items.numRows
  if (rows !== ref.rows) throw new Error(`segment ${ref.id} has ${rows} rows, the manifest says ${ref.rows}`)
  const { values: vectors, dim } = vectorsOf(items, rows)
  if (detach)
    for (const name of items.names) if (name !== 'vector') columnOf(items, name).data.forEach(copyOut)
  const text = (name: string): TextColumn => {
    const column = columnOf(items, name)
    return (row) => column.at(row) as string
  }
  const category = text('category')
  const termRows = rows
  return {
    ref,
    rows,
    dim,
    number: valuesOf(items, 'number', Uint32Array, rows),
    version: valuesOf(items, 'version', Uint32Array, rows),
    live: valuesOf(items, 'live', Uint8Array, rows),
    price: valuesOf(items, 'price', Float64Array, rows),
    stock: valuesOf(items, 'stock', Int32Array, rows),
    length: valuesOf(items, 'length', Uint32Array, rows),
    vectors,
    vectorScale: valuesOf(items, 'vector_scale', Float32Array, rows),
    text: {
      ...{ contentHash: text('content_hash'), id: text('id'), title: text('title'), brand: text('brand') },
      ...{ currency: text('currency'), image: text('image'), url: text('url') },
      category: (row) => category(row).split(CATEGORY_SEPARATOR).filter(Boolean),
    },
    terms: dictionaryOf(arrow.tableFromIPC(files.terms), termRows),
    bytes: files.items.length + files.terms.length,
  }
}

export const isStockUnknown = (stock: number): boolean => stock === STOCK_UNKNOWN

type Batch = { values: unknown; offsets: unknown; children: Batch[]; length: number }

/** Arrow reads a column through views of the whole file; each becomes an array of its own. */
function copyOut(batch: object): void {
  for (const [name, value] of Object.entries(batch))
    if (ArrayBuffer.isView(value)) Object.assign(batch, { [name]: (value as Uint8Array).slice() })
  const { dictionary } = batch as { dictionary?: arrow.Column<unknown> }
  dictionary?.data.forEach(copyOut)
}

function columnOf(table: arrow.Table, name: string): arrow.Column<unknown> {
  const column = table.getChild(name)
  if (!column) throw new Error(`column "${name}" is missing`)
  if (column.nullCount > 0) throw new Error(`column "${name}" has nulls`)
  return column as arrow.Column<unknown>
}

/** The only record batch of a column; writers make one. */
function batchOf(table: arrow.Table, name: string): Batch {
  const { data } = columnOf(table, name)
  if (data.length !== 1) throw new Error(`column "${name}" has ${data.length} batches, not 1`)
  return data[0] as unknown as Batch
}

function view<T extends object>(
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

const valuesOf = <T extends object>(
  table: arrow.Table,
  name: string,
  kind: new (length: number) => T,
  length: number,
): T => view(batchOf(table, name).values, kind, length, name)

function vectorsOf(table: arrow.Table, rows: number) {
  const type = columnOf(table, 'vector').type as { stride?: number }
  const dim = type.stride ?? 0
  if (dim <= 0 || dim > DIM_MAX || dim % DIM_STEP !== 0)
    throw new Error(`column "vector" has ${dim} components`)
  const values = view(batchOf(table, 'vector').children[0]?.values, Uint8Array, rows * dim, 'vector')
  // Larger codes would spill over in a sum of products.
  let bits = 0
  for (let i = 0; i < values.length; i++) bits |= values[i]!
  if (bits > 127) throw new Error('a vector code has more than 7 bits')
  return { dim, values }
}

function dictionaryOf(table: arrow.Table, rowCount: number): TermDictionary {
  const count = table.numRows
  const empty = { values: new Uint8Array(), offsets: new Int32Array(1), children: [], length: 0 }
  const term = count > 0 ? batchOf(table, 'term') : empty
  const rowLists = count > 0 ? batchOf(table, 'rows') : empty
  const weightLists = count > 0 ? batchOf(table, 'weights') : empty
  const bytes = term.values as Uint8Array
  const offsets = view(term.offsets, Int32Array, count + 1, 'term')
  const listOffsets = view(rowLists.offsets, Int32Array, count + 1, 'rows')
  const total = listOffsets[count]!
  const rows = count > 0 ? view(rowLists.children[0]?.values, Uint32Array, total, 'rows') : new Uint32Array()
  const weights =
    count > 0 ? view(weightLists.children[0]?.values, Uint8Array, total, 'weights') : new Uint8Array()
  for (let i = 0; i < total; i++)
    if (rows[i]! >= rowCount) throw new Error('a posting names a row that does not exist')
  for (let i = 0; i < count; i++)
    if (offsets[i]! > offsets[i + 1]! || listOffsets[i]! > listOffsets[i + 1]!)
      throw new Error('offsets are not ascending')

  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const bytesAt = (at: number) => bytes.subarray(offsets[at]!, offsets[at + 1]!)
  /** First position whose term is not below `key`. */
  const lowerBound = (key: Uint8Array): number => {
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareBytes(bytesAt(middle), key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    count,
    find(text) {
      const key = encoder.encode(text)
      const at = lowerBound(key)
      return at < count && compareBytes(bytesAt(at), key) === 0 ? at : -1
    },
    range(prefix, max) {
      const key = encoder.encode(prefix)
      const from = lowerBound(key)
      let to = from
      while (to < count && to - from < max && compareBytes(bytesAt(to).subarray(0, key.length), key) === 0)
        to++
      return [from, to]
    },
    term: (at) => decoder.decode(bytesAt(at)),
    postings(at) {
      const [from, to] = [listOffsets[at]!, listOffsets[at + 1]!]
      return { rows: rows.subarray(from, to), weights: weights.subarray(from, to) }
    },
  }
}
