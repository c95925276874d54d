/** @file The term dictionary of a segment over the bytes of its file: terms sorted by UTF-8 bytes, each with its posting list. */
import type * as arrow from '@uwdata/flechette'
import { batchOf, view } from './columns.ts'
import { BLOCK_ROWS, checkPackedList, PADDING_BYTES, PostingCursor, type PostingSource } from './postings.ts'

/** UTF-8 bytes of ascending terms: the term at i is `bytes[offsets[i], offsets[i + 1])`. */
export type SortedTerms = { readonly count: number; readonly bytes: Uint8Array; readonly offsets: Int32Array }

export type TermDictionary = SortedTerms & {
  /** Position of a term, -1 when absent. */
  find(term: string): number
  /** Positions [from, to) of the terms that start with `prefix`, cut to `max`. */
  range(prefix: string, max: number): [number, number]
  term(at: number): string
  /** Rows that have the term. */
  df(at: number): number
  /** Set a cursor to the start of the term's list. */
  open(at: number, cursor: PostingCursor): void
  /** The whole list: rows ascending, and weights in half words. Copied, so for lists that are used whole. */
  postings(at: number): { rows: Uint32Array; weights: Uint8Array }
}

/** The lists of a file, wherever they lie: `from` and `df` of a list say what to hand to a cursor. */
type Lists = { source: PostingSource; from(at: number): number; df(at: number): number }

/** Of a segment of tombstones. */
const NO_LISTS: Lists = {
  source: { plain: { rows: new Uint32Array(), weights: new Uint8Array() } },
  from: () => 0,
  df: () => 0,
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Both versions of terms.arrow, see FORMAT.md.
 *
 * @throws when anything in it is not as it must be: `decodeSegment` catches
 */
export function readDictionary(table: arrow.Table, rowCount: number): TermDictionary {
  const terms = readTerms(table)
  const { count, bytes, offsets } = terms
  const lists =
    count === 0
      ? NO_LISTS
      : table.getChild('postings')
        ? readPackedLists(table, count, rowCount)
        : readPlainLists(table, count, rowCount)
  const termAt = (at: number) => decoder.decode(bytes.subarray(offsets[at]!, offsets[at + 1]!))
  const open = (at: number, cursor: PostingCursor) => cursor.open(lists.source, lists.from(at), lists.df(at))
  return {
    ...terms,
    find(text) {
      const key = bytesOf(text)
      const at = lowerBound(terms, key)
      return at < count && compareAt(terms, at, key) === 0 ? at : -1
    },
    range(prefix, max) {
      const key = bytesOf(prefix)
      const from = lowerBound(terms, key)
      let to = from
      while (to < count && to - from < max && startsWith(terms, to, key)) to++
      return [from, to]
    },
    term: termAt,
    df: lists.df,
    open,
    postings(at) {
      const count = lists.df(at)
      const [rows, weights] = [new Uint32Array(count), new Uint8Array(count)]
      const cursor = new PostingCursor()
      open(at, cursor)
      for (let from = 0; cursor.count > 0; from += BLOCK_ROWS, cursor.nextBlock()) {
        rows.set(cursor.rows.subarray(0, cursor.count), from)
        weights.set(cursor.readWeights().subarray(0, cursor.count), from)
      }
      return { rows, weights }
    },
  }
}

/** UTF-8. Most terms are short and of ASCII, and in workerd a call of the encoder takes ten times as long as looking at their letters. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 127) return encoder.encode(text)
    bytes[at] = code
  }
  return bytes
}

/** First position whose term is not below `key`. */
export function lowerBound(terms: SortedTerms, key: Uint8Array, from = 0): number {
  let low = from
  let high = terms.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareAt(terms, middle, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Sign of term − key in the order of bytes. */
function compareAt({ bytes, offsets }: SortedTerms, at: number, key: Uint8Array): number {
  const from = offsets[at]!
  const length = offsets[at + 1]! - from
  const n = length < key.length ? length : key.length
  for (let i = 0; i < n; i++) {
    const difference = bytes[from + i]! - key[i]!
    if (difference !== 0) return difference
  }
  return length - key.length
}

function startsWith({ bytes, offsets }: SortedTerms, at: number, key: Uint8Array): boolean {
  const from = offsets[at]!
  if (offsets[at + 1]! - from < key.length) return false
  for (let i = 0; i < key.length; i++) if (bytes[from + i] !== key[i]) return false
  return true
}

function readTerms(table: arrow.Table): SortedTerms {
  const count = table.numRows
  if (count === 0) return { count, bytes: new Uint8Array(), offsets: new Int32Array(1) }
  const { values, offsets } = readBytes(table, 'term', count)
  return { count, bytes: values, offsets }
}

/** A column of strings or bytes. */
function readBytes(table: arrow.Table, name: string, count: number) {
  const batch = batchOf(table, name)
  const offsets = view(batch.offsets, Int32Array, count + 1, name)
  checkOffsets(offsets)
  return { values: view(batch.values, Uint8Array, offsets[count]!, name), offsets }
}

function checkOffsets(offsets: Int32Array): void {
  if (offsets[0]! < 0) throw new Error('offsets are negative')
  for (let i = 1; i < offsets.length; i++)
    if (offsets[i - 1]! > offsets[i]!) throw new Error('offsets are not ascending')
}

function readPackedLists(table: arrow.Table, count: number, rowCount: number): Lists {
  const { values, offsets } = readBytes(table, 'postings', count)
  const data = padded(values)
  for (let at = 0; at < count; at++) checkPackedList(data, offsets[at]!, offsets[at + 1]!, rowCount)
  const df = (at: number) => {
    let value = 0
    for (let position = offsets[at]!, shift = 0; ; position++, shift += 7) {
      const byte = values[position]!
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }
  const from = (at: number) => {
    let position = offsets[at]!
    while (values[position]! > 127) position++
    return position + 1
  }
  return { source: { packed: data }, from, df }
}

/** A view that reaches beyond the last byte: over what follows it in the file, or over a copy. */
function padded(bytes: Uint8Array): DataView {
  const length = bytes.length + PADDING_BYTES
  if (bytes.byteOffset + length <= bytes.buffer.byteLength)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  const copy = new Uint8Array(length)
  copy.set(bytes)
  return new DataView(copy.buffer)
}

function readPlainLists(table: arrow.Table, count: number, rowCount: number): Lists {
  const lists = batchOf(table, 'rows')
  const offsets = view(lists.offsets, Int32Array, count + 1, 'rows')
  checkOffsets(offsets)
  const total = offsets[count]!
  const rows = view(lists.children[0]?.values, Uint32Array, total, 'rows')
  const weights = view(batchOf(table, 'weights').children[0]?.values, Uint8Array, total, 'weights')
  for (let at = 0; at < count; at++)
    for (let i = offsets[at]!; i < offsets[at + 1]!; i++) {
      if (rows[i]! >= rowCount) throw new Error('a posting names a row that does not exist')
      if (i > offsets[at]! && rows[i]! <= rows[i - 1]!)
        throw new Error('the rows of a posting list are not ascending')
      if (weights[i] === 0) throw new Error('a posting has no weight')
    }
  return {
    source: { plain: { rows, weights } },
    from: (at) => offsets[at]!,
    df: (at) => offsets[at + 1]! - offsets[at]!,
  }
}
