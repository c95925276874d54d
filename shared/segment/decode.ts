/** @file Two Arrow IPC files → a segment: typed-array views over the bytes, strings only when asked for. Untrusted input. */
import * as arrow from '@uwdata/flechette'
import { err, ok, type Result } from '../lib/result.ts'
import { sha256Hex } from '../lib/sha256.ts'
import type { Blob, SegmentRef } from '../schema/manifest.ts'
import { DIM_MAX, DIM_STEP } from '../vector/quantise.ts'
import { checkArrowFile } from './arrow-guard.ts'
import { batchOf, columnOf, valuesOf, view } from './columns.ts'
import { readDictionary, type TermDictionary } from './dictionary.ts'
import { CATEGORY_SEPARATOR, STOCK_UNKNOWN } from './encode.ts'

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
  /** Where they begin in items.arrow, bytes: row r is `dim` bytes from `vectorOffset + r · dim`. */
  readonly vectorOffset: number
  /** 0 when the row has no vector. */
  readonly vectorScale: Float32Array
  readonly text: TextColumns
  readonly facets: Record<'brand' | 'category', FacetColumn>
  readonly terms: TermDictionary
  /** Bytes that stay resident. */
  readonly bytes: number
}
type TextColumn = (row: number) => string
/** A column of few distinct texts as their numbers, for counting. */
export type FacetColumn = {
  /** i32[rows], below `values`. */
  readonly codes: Int32Array
  readonly values: number
  /** The text as the file has it: levels of a category are joined by CATEGORY_SEPARATOR. */
  value(code: number): string
}
export type TextColumns = Record<
  'contentHash' | 'id' | 'title' | 'brand' | 'currency' | 'image' | 'url',
  TextColumn
> & {
  /** The same array for every row of a category. */
  category(row: number): readonly string[]
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
  checkArrowFile(files.items)
  checkArrowFile(files.terms)
  const items = arrow.tableFromIPC(files.items)
  const rows = items.numRows
  if (rows !== ref.rows) throw new Error(`segment ${ref.id} has ${rows} rows, the manifest says ${ref.rows}`)
  const { values: vectors, dim } = vectorsOf(items, rows)
  if (vectors.buffer !== files.items.buffer) throw new Error('the vectors are not as they lie in the file')
  if (detach)
    for (const name of items.names) if (name !== 'vector') columnOf(items, name).data.forEach(copyOut)
  const text = (name: string): TextColumn => {
    const column = columnOf(items, name)
    return (row) => column.at(row) as string
  }
  const facets = { brand: facetColumn(items, 'brand', rows), category: facetColumn(items, 'category', rows) }
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
    vectorOffset: vectors.byteOffset - files.items.byteOffset,
    vectorScale: valuesOf(items, 'vector_scale', Float32Array, rows),
    text: {
      ...{ contentHash: text('content_hash'), id: text('id'), title: text('title'), brand: text('brand') },
      ...{ currency: text('currency'), image: text('image'), url: text('url') },
      category: pathsOf(facets.category),
    },
    facets,
    terms: readDictionary(arrow.tableFromIPC(files.terms), rows),
    bytes: files.items.length + files.terms.length,
  }
}

export const isStockUnknown = (stock: number): boolean => stock === STOCK_UNKNOWN

/** Arrow reads a column through views of the whole file; each becomes an array of its own. */
function copyOut(batch: object): void {
  for (const [name, value] of Object.entries(batch))
    if (ArrayBuffer.isView(value)) Object.assign(batch, { [name]: (value as Uint8Array).slice() })
  const { dictionary } = batch as { dictionary?: arrow.Column<unknown> }
  dictionary?.data.forEach(copyOut)
}

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

function facetColumn(table: arrow.Table, name: string, rows: number): FacetColumn {
  const codes = valuesOf(table, name, Int32Array, rows)
  const { dictionary } = batchOf(table, name)
  if (!dictionary) throw new Error(`column "${name}" has no dictionary`)
  for (let row = 0; row < rows; row++)
    if (codes[row]! < 0 || codes[row]! >= dictionary.length)
      throw new Error(`column "${name}" names a text that does not exist`)
  return { codes, values: dictionary.length, value: (code) => String(dictionary.at(code)) }
}

/** Paths are asked for by every candidate of a list, and few differ: each is split once. */
function pathsOf({ codes, value }: FacetColumn): TextColumns['category'] {
  const paths: (readonly string[])[] = []
  return (row) => {
    const code = codes[row]!
    paths[code] ??= value(code).split(CATEGORY_SEPARATOR).filter(Boolean)
    return paths[code]
  }
}
