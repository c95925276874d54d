/** @file Segment content → two Arrow IPC files. Layout in FORMAT.md. */
import * as arrow from '@uwdata/flechette'
import { BIAS } from '../vector/quantise.ts'
import type { SegmentContent } from './content.ts'
import { encodePostings } from './postings.ts'

export const STOCK_UNKNOWN = -1

/** The same content gives the same bytes. A segment has at least one row. */
export function encodeSegment({ dim, rows, postings }: SegmentContent): {
  items: Uint8Array
  terms: Uint8Array
} {
  if (rows.length === 0) throw new Error('A segment needs at least one row.')
  const noVector = new Uint8Array(dim).fill(BIAS)
  const column = <T>(values: T[], type: arrow.DataType) => arrow.columnFromArray(values, type)
  const dictionary = () => arrow.dictionary(arrow.utf8(), arrow.int32())
  const items = arrow.tableFromColumns({
    number: column(
      rows.map((row) => row.number),
      arrow.uint32(),
    ),
    version: column(
      rows.map((row) => row.version),
      arrow.uint32(),
    ),
    live: column(
      rows.map((row) => (row.live ? 1 : 0)),
      arrow.uint8(),
    ),
    content_hash: column(
      rows.map((row) => row.contentHash),
      arrow.utf8(),
    ),
    id: column(
      rows.map((row) => row.id),
      arrow.utf8(),
    ),
    title: column(
      rows.map((row) => row.title),
      arrow.utf8(),
    ),
    brand: column(
      rows.map((row) => row.brand),
      dictionary(),
    ),
    category: column(
      rows.map((row) => row.category.join(CATEGORY_SEPARATOR)),
      dictionary(),
    ),
    price: column(
      rows.map((row) => row.price ?? Number.NaN),
      arrow.float64(),
    ),
    currency: column(
      rows.map((row) => row.currency ?? ''),
      dictionary(),
    ),
    stock: column(
      rows.map((row) => row.stock ?? STOCK_UNKNOWN),
      arrow.int32(),
    ),
    image: column(
      rows.map((row) => row.image),
      arrow.utf8(),
    ),
    url: column(
      rows.map((row) => row.url),
      arrow.utf8(),
    ),
    length: column(
      rows.map((row) => row.length),
      arrow.uint32(),
    ),
    vector_scale: column(
      rows.map((row) => row.vector?.scale ?? 0),
      arrow.float32(),
    ),
    // Last: what comes before can be read without it.
    vector: column(
      rows.map((row) => row.vector?.codes ?? noVector),
      arrow.fixedSizeList(arrow.uint8(), dim),
    ),
  })
  const encoder = new TextEncoder()
  const sorted = [...postings]
    .map(([term, list]) => ({ term, bytes: encoder.encode(term), list }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
  const terms = arrow.tableFromColumns({
    term: column(
      sorted.map(({ term }) => term),
      arrow.utf8(),
    ),
    postings: column(
      sorted.map(({ list }) => encodePostings(list)),
      arrow.binary(),
    ),
  })
  return { items: toFile(items), terms: toFile(terms) }
}

/** Between the levels of a category path: ASCII unit separator, which cleaned text never holds. */
export const CATEGORY_SEPARATOR = '\u001f'

/** Order of the dictionary: unsigned UTF-8 bytes, which is the order of code points. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

function toFile(table: arrow.Table): Uint8Array {
  const bytes = arrow.tableToIPC(table, { format: 'file' })
  if (!bytes) throw new Error('Arrow gave no bytes.')
  return bytes
}
