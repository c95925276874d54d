/**
 * @file Posting lists as bytes: the rows of a term, ascending, each with its weight; in blocks, so that a reader sees the most
 * that a block can give before it reads it. Layout is normative; FORMAT.md explains why.
 *
 *   list   = varint df, then ⌈df / 128⌉ blocks of 128 rows, the last of what is left
 *   block  = u8 widths      bits 0 to 4: b, bits of a gap; bits 5 to 7: index of w, bits of a weight, in WEIGHT_BITS
 *            u8 weightMax   the largest weight
 *            varint span    last row of this block − last row of the one before (−1 before the first), so at least n
 *            u8[⌈(n − 1) · b / 8⌉]   row − row before − 1 for all but the last row, which `span` gives; b bits each
 *            u8[⌈n · w / 8⌉]         weightMax − weight; w bits each
 *
 * Bits are filled from the lowest of each byte. A varint has 7 bits in a byte, lowest first, 5 bytes at most.
 * Source: blocks of 128 with bit-packed gaps as in Lucene's ForUtil; block maxima, Ding and Suel, SIGIR 2011.
 */
import type { Postings } from './content.ts'

export const BLOCK_ROWS = 128
/** Widths of a weight, by their index. */
const WEIGHT_BITS = [0, 1, 2, 3, 4, 5, 6, 8] as const
/** Readers load four bytes at once, so so many must lie behind the last list. */
export const PADDING_BYTES = 4
/** Values up to this width lie in one load of four bytes wherever they start. */
const BITS_IN_ONE_LOAD = 25

/** Bytes of one list. */
export function encodePostings({ rows, weights }: Postings): Uint8Array {
  const bytes: number[] = []
  pushVarint(bytes, rows.length)
  let previous = -1
  for (let from = 0; from < rows.length; from += BLOCK_ROWS) {
    const to = Math.min(rows.length, from + BLOCK_ROWS)
    pushBlock(bytes, rows.slice(from, to), weights.slice(from, to), previous)
    previous = rows[to - 1]!
  }
  return Uint8Array.from(bytes)
}

function pushBlock(bytes: number[], rows: number[], weights: number[], previous: number): void {
  const gaps = rows.slice(0, -1).map((row, at) => row - (rows[at - 1] ?? previous) - 1)
  const weightMax = Math.max(...weights)
  const lacks = weights.map((weight) => weightMax - weight)
  const gapBits = bitsOf(Math.max(0, ...gaps))
  const weightWidth = WEIGHT_BITS.findIndex((bits) => bits >= bitsOf(Math.max(...lacks)))
  bytes.push(gapBits | (weightWidth << 5), weightMax)
  pushVarint(bytes, rows.at(-1)! - previous)
  pushBits(bytes, gaps, gapBits)
  pushBits(bytes, lacks, WEIGHT_BITS[weightWidth]!)
}

const bitsOf = (value: number): number => 32 - Math.clz32(value)

function pushVarint(bytes: number[], value: number): void {
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  bytes.push(rest)
}

function pushBits(bytes: number[], values: readonly number[], width: number): void {
  const start = bytes.length
  bytes.length += Math.ceil((values.length * width) / 8)
  bytes.fill(0, start)
  values.forEach((value, at) => {
    for (let bit = 0; bit < width; bit++)
      if ((value >>> bit) & 1) {
        const position = at * width + bit
        bytes[start + (position >>> 3)]! |= 1 << (position & 7)
      }
  })
}

/** Lists of plain arrays, as the first version of the format has them. */
export type PlainLists = { rows: Uint32Array; weights: Uint8Array }
/** Where lists lie. `data` reaches PADDING_BYTES beyond the last one. */
export type PostingSource = { packed: DataView } | { plain: PlainLists }

const NO_BYTES = new DataView(new ArrayBuffer(PADDING_BYTES))
const NO_LISTS: PlainLists = { rows: new Uint32Array(), weights: new Uint8Array() }

/**
 * Reads one list from its start to its end, a block at a time. Made once and opened for list after list, because its arrays
 * would otherwise be most of the garbage of a search.
 */
export class PostingCursor {
  /** Rows of the block at hand, ascending: the first `count`. */
  readonly rows = new Uint32Array(BLOCK_ROWS)
  /** Their weights, once `readWeights` was called for this block. */
  readonly weights = new Uint8Array(BLOCK_ROWS)
  /** Rows in the block at hand; 0 when the list is at its end. */
  count = 0
  /** The largest weight in the block at hand, or more. */
  weightMax = 0
  /** The first row of the block at hand that the reader has not used yet; for the reader to move. */
  at = 0
  /** Rows of the list behind the block at hand. */
  private left = 0
  private last = -1
  private position = 0
  private weightsAt = 0
  private weightBits = 0
  private hasWeights = false
  private data: DataView = NO_BYTES
  private plain: PlainLists = NO_LISTS
  private isPacked = false

  /** @param from where the list starts: a byte of packed lists, else an entry; `count` rows are read from there */
  open(source: PostingSource, from: number, count: number): void {
    this.isPacked = 'packed' in source
    this.data = 'packed' in source ? source.packed : NO_BYTES
    this.plain = 'plain' in source ? source.plain : NO_LISTS
    this.position = from
    this.left = count
    this.last = -1
    this.nextBlock()
  }

  /** Lets go of the file that it read. */
  close(): void {
    this.data = NO_BYTES
    this.plain = NO_LISTS
    this.left = 0
    this.count = 0
  }

  /** False at the end of the list. */
  nextBlock(): boolean {
    const count = this.left < BLOCK_ROWS ? this.left : BLOCK_ROWS
    this.count = count
    this.at = 0
    this.left -= count
    this.hasWeights = false
    if (count === 0) return false
    if (this.isPacked) this.readPackedBlock(count)
    else this.readPlainBlock(count)
    return true
  }

  readWeights(): Uint8Array {
    if (this.hasWeights) return this.weights
    this.hasWeights = true
    const { data, weights, weightBits: bits, weightMax, count } = this
    if (!this.isPacked) weights.set(this.plain.weights.subarray(this.weightsAt, this.weightsAt + count))
    else if (bits === 0) weights.fill(weightMax)
    else {
      const mask = (1 << bits) - 1
      const start = this.weightsAt
      for (let i = 0, bit = 0; i < count; i++, bit += bits)
        weights[i] = weightMax - ((data.getUint16(start + (bit >>> 3), true) >>> (bit & 7)) & mask)
    }
    return weights
  }

  private readPlainBlock(count: number): void {
    const { rows, weights } = this.plain
    const from = this.position
    this.rows.set(rows.subarray(from, from + count))
    let most = 0
    for (let i = from; i < from + count; i++) if (weights[i]! > most) most = weights[i]!
    this.weightMax = most
    this.weightsAt = from
    this.position = from + count
  }

  private readPackedBlock(count: number): void {
    const { data, rows } = this
    const widths = data.getUint8(this.position)
    this.weightMax = data.getUint8(this.position + 1)
    this.position += 2
    const end = this.last + this.readVarint()
    const bits = widths & 31
    unpackRows(data, this.position, bits, count - 1, this.last, rows)
    rows[count - 1] = end
    this.last = end
    this.weightBits = WEIGHT_BITS[widths >>> 5]!
    this.weightsAt = this.position + (((count - 1) * bits + 7) >>> 3)
    this.position = this.weightsAt + ((count * this.weightBits + 7) >>> 3)
  }

  private readVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.data.getUint8(this.position++)
      value |= (byte & 127) << shift
      if (byte < 128) break
    }
    return value >>> 0
  }
}

/** The `count` rows after `before` by their gaps. */
function unpackRows(
  data: DataView,
  start: number,
  bits: number,
  count: number,
  before: number,
  rows: Uint32Array,
): void {
  let row = before
  if (bits === 0) for (let i = 0; i < count; i++) rows[i] = ++row
  else if (bits <= BITS_IN_ONE_LOAD) {
    const mask = (1 << bits) - 1
    for (let i = 0, bit = 0; i < count; i++, bit += bits) {
      row += ((data.getUint32(start + (bit >>> 3), true) >>> (bit & 7)) & mask) + 1
      rows[i] = row
    }
  } else
    for (let i = 0; i < count; i++) {
      row += wideValue(data, start, i * bits, bits) + 1
      rows[i] = row
    }
}

/** A value of more than BITS_IN_ONE_LOAD bits, a byte at a time: gaps of millions of rows. */
function wideValue(data: DataView, start: number, bit: number, bits: number): number {
  let value = 0
  for (let have = 0, at = bit; have < bits; ) {
    const take = Math.min(8 - (at & 7), bits - have)
    const part = (data.getUint8(start + (at >>> 3)) >>> (at & 7)) & ((1 << take) - 1)
    value += part * 2 ** have
    have += take
    at += take
  }
  return value
}

/**
 * Walks the list that fills bytes `from` to `to` and says how many rows it has.
 *
 * @throws when the list does not end where it must, or names a row that is not below `rowCount`; a list that passes is safe to read
 */
export function checkPackedList(data: DataView, from: number, to: number, rowCount: number): number {
  const reader = { at: from }
  const df = checkedVarint(data, reader, to)
  let last = -1
  for (let left = df; left > 0; left -= BLOCK_ROWS) {
    const count = Math.min(left, BLOCK_ROWS)
    if (reader.at + 2 > to) throw new Error('a posting list is cut off')
    const widths = data.getUint8(reader.at)
    const weightMax = data.getUint8(reader.at + 1)
    reader.at += 2
    const span = checkedVarint(data, reader, to)
    const bits = widths & 31
    const weightBits = WEIGHT_BITS[widths >>> 5]!
    const weightsAt = reader.at + (((count - 1) * bits + 7) >>> 3)
    const end = weightsAt + ((count * weightBits + 7) >>> 3)
    if (end > to) throw new Error('a posting list is cut off')
    if (last + span >= rowCount) throw new Error('a posting names a row that does not exist')
    if (sumOfGaps(data, reader.at, bits, count - 1) + count > span)
      throw new Error('the rows of a posting list are not ascending')
    if (largest(data, weightsAt, weightBits, count) >= weightMax) throw new Error('a posting has no weight')
    last += span
    reader.at = end
  }
  if (reader.at !== to) throw new Error('a posting list is longer than its rows')
  return df
}

function checkedVarint(data: DataView, reader: { at: number }, to: number): number {
  let value = 0
  for (let factor = 1; factor < 2 ** 35; factor *= 128) {
    if (reader.at >= to) break
    const byte = data.getUint8(reader.at++)
    value += (byte & 127) * factor
    if (byte < 128) {
      if (value < 2 ** 31) return value
      break
    }
  }
  throw new Error('a number in a posting list is cut off or too large')
}

function sumOfGaps(data: DataView, start: number, bits: number, count: number): number {
  let sum = 0
  if (bits === 0) return sum
  if (bits > BITS_IN_ONE_LOAD) {
    for (let i = 0; i < count; i++) sum += wideValue(data, start, i * bits, bits)
    return sum
  }
  const mask = (1 << bits) - 1
  for (let i = 0, bit = 0; i < count; i++, bit += bits)
    sum += (data.getUint32(start + (bit >>> 3), true) >>> (bit & 7)) & mask
  return sum
}

function largest(data: DataView, start: number, bits: number, count: number): number {
  if (bits === 0) return 0
  const mask = (1 << bits) - 1
  let most = 0
  for (let i = 0, bit = 0; i < count; i++, bit += bits) {
    const value = (data.getUint16(start + (bit >>> 3), true) >>> (bit & 7)) & mask
    if (value > most) most = value
  }
  return most
}
