/**
 * @file Takes items.arrow in pieces as they arrive, cut anywhere: vectors go on to whoever holds them, the rest is kept as a file of
 * its own. Where the vectors lie is known from the metadata before them. Untrusted input, and not verified yet.
 *
 *   what arrives:  "ARROW1" schema dictionaries metadata | columns      | vectors      | (columns) footer "ARROW1"
 *   what is kept:  the same, with shorter lengths        | columns      |              | (columns) footer "ARROW1"
 *
 * Source: "IPC File Format" of Apache Arrow; Message.fbs and Schema.fbs. `slot` n of a table is its n-th field.
 */
import { DIM_MAX, DIM_STEP, isSevenBit } from '../vector/quantise.ts'
import { createReader, HEADER, type Reader } from './arrow-guard.ts'

/** Who takes the vectors. */
export type VectorSink = {
  /** Called once, before anything is written. */
  reserve(rows: number, dim: number): void
  /** @param offset of `bytes` in u8[rows, dim]; the buffer is the caller's, and is used again */
  write(offset: number, bytes: Uint8Array): void
}
/** An items file without its vectors. */
export type ItemColumns = {
  /** An Arrow file whose column "vector" is (nearly) empty. */
  file: Uint8Array
  dim: number
  /** Where the vectors begin in the whole file, bytes. */
  vectorOffset: number
}
export type ItemsReader = {
  /** The next bytes of the file. Throws when it is malformed, or longer than it should be. */
  push(chunk: Uint8Array): void
  /** @throws when the file is shorter than it should be */
  end(): ItemColumns
}

/** Of the record batch: places in the file. */
type Layout = {
  dim: number
  vectorOffset: number
  /** Of the vectors, so much is left out: whole lines, so that what follows stays aligned. */
  cutBytes: number
  /** Lengths that become shorter by it, offsets that move by it: i64 each. */
  shortened: number[]
}

const MAGIC_BYTES = 8
const MARKER = -1
/** Of the metadata of a message, before it. */
const SIZE_BYTES = 4
const ALIGNMENT = 64
const FIRST_BYTES = 64 * 1024
/** Kinds of column in Schema.fbs. */
const INT = 2
const FLOAT = 3
const UTF8 = 5
const FIXED_SIZE_LIST = 16
/** Buffers of each: validity and values; text has offsets too, and a list only validity beside its child. */
const BUFFERS_OF_TYPE = new Map([
  [INT, 2],
  [FLOAT, 2],
  [UTF8, 3],
  [FIXED_SIZE_LIST, 1],
])

/**
 * @param fileBytes size of the file as the manifest has it
 * @param rows      of the segment, likewise
 */
export function createItemsReader(fileBytes: number, rows: number, sink: VectorSink): ItemsReader {
  let kept = new Uint8Array(Math.min(fileBytes, FIRST_BYTES))
  let keptBytes = 0
  /** Of the file. */
  let position = 0
  /** Where the next message begins. */
  let messageAt = MAGIC_BYTES
  let schema: Reader | null = null
  let layout: Layout | null = null

  function keep(bytes: Uint8Array): void {
    if (keptBytes + bytes.length > kept.length)
      grow(Math.min(fileBytes, Math.max(2 * kept.length, keptBytes + bytes.length)))
    kept.set(bytes, keptBytes)
    keptBytes += bytes.length
  }

  function grow(bytes: number): void {
    const larger = new Uint8Array(bytes)
    larger.set(kept.subarray(0, keptBytes))
    kept = larger
  }

  /** Reads the messages that have arrived, up to the metadata of the record batch. */
  function findLayout(): void {
    const view = new DataView(kept.buffer, 0, keptBytes)
    while (layout === null && messageAt + 2 * SIZE_BYTES <= keptBytes) {
      // Since version 5 a marker of four bytes comes before the size of the metadata.
      const hasMarker = view.getInt32(messageAt, true) === MARKER
      const sizeAt = messageAt + (hasMarker ? SIZE_BYTES : 0)
      const bodyAt = sizeAt + SIZE_BYTES + view.getInt32(sizeAt, true)
      if (bodyAt <= sizeAt + SIZE_BYTES || bodyAt > fileBytes)
        throw new Error('no rows, or metadata that is longer than the file')
      if (bodyAt > keptBytes) return
      const reader = createReader(kept.subarray(sizeAt, bodyAt))
      const message = reader.root(SIZE_BYTES)
      const kind = reader.byte(message, 1)
      if (kind === HEADER.schema) schema = createReader(kept.slice(sizeAt, bodyAt))
      const bodyBytes = reader.field(message, 3)
      const bodyEnd = bodyAt + (bodyBytes === 0 ? 0 : reader.size(bodyBytes))
      if (bodyEnd > fileBytes) throw new Error('a message is longer than the file')
      if (kind === HEADER.batch) {
        if (!schema) throw new Error('no schema before the rows')
        layout = layoutOf(schema, reader, { sizeAt, bodyAt, bodyEnd }, rows)
        prepare(layout)
      }
      messageAt = bodyEnd
    }
  }

  /** From here on the size of all that is kept is known. */
  function prepare({ dim, vectorOffset, cutBytes, shortened }: Layout): void {
    const whole = kept.subarray(0, keptBytes)
    kept = new Uint8Array(fileBytes - cutBytes)
    sink.reserve(rows, dim)
    position = keptBytes = Math.min(whole.length, vectorOffset)
    kept.set(whole.subarray(0, keptBytes))
    const view = new DataView(kept.buffer)
    for (const at of shortened) view.setBigInt64(at, view.getBigInt64(at, true) - BigInt(cutBytes), true)
    divide(whole.subarray(keptBytes))
  }

  /** Vectors to the sink, the rest to what is kept. */
  function divide(chunk: Uint8Array): void {
    const { dim, vectorOffset, cutBytes } = layout!
    const vectorEnd = vectorOffset + rows * dim
    const from = position
    const within = (at: number) => Math.min(chunk.length, Math.max(0, at - from))
    const vectors = chunk.subarray(within(vectorOffset), within(vectorEnd))
    if (vectors.length > 0) {
      // Larger codes would spill over in a sum of products.
      if (!isSevenBit(vectors)) throw new Error('a vector code has more than 7 bits')
      sink.write(from + within(vectorOffset) - vectorOffset, vectors)
    }
    kept.set(chunk.subarray(0, within(vectorOffset)), Math.min(from, vectorOffset))
    const after = from + within(vectorEnd)
    kept.set(chunk.subarray(within(vectorEnd)), Math.max(0, after - cutBytes))
    position = from + chunk.length
  }

  return {
    push(chunk) {
      if (position + chunk.length > fileBytes) throw new Error('the file is longer than the manifest says')
      if (layout) {
        divide(chunk)
        return
      }
      keep(chunk)
      position += chunk.length
      findLayout()
    },
    end() {
      if (!layout) throw new Error('the file has no rows')
      if (position < fileBytes) throw new Error('the file is shorter than the manifest says')
      return { file: kept, dim: layout.dim, vectorOffset: layout.vectorOffset }
    },
  }
}

/** Where the size of the metadata lies, the columns begin and they end. */
type Place = { sizeAt: number; bodyAt: number; bodyEnd: number }

function layoutOf(schema: Reader, batch: Reader, { sizeAt, bodyAt, bodyEnd }: Place, rows: number): Layout {
  const { dim, bufferIndex } = vectorColumnOf(schema)
  const message = batch.root(SIZE_BYTES)
  const header = batch.table(message, 2)
  const rowsAt = batch.field(header, 0)
  const got = rowsAt === 0 ? 0 : batch.size(rowsAt)
  if (got !== rows) throw new Error(`the file has ${got} rows, the manifest says ${rows}`)
  const bodyBytesAt = batch.field(message, 3)
  if (bodyBytesAt === 0) throw new Error('rows without columns')
  // { offset i64, length i64 } each
  const regions: number[] = []
  batch.vector(header, 2, 16, (region) => regions.push(region))
  const own = regions[bufferIndex]
  if (own === undefined) throw new Error('a column lacks its values')
  const vectorBytes = rows * dim
  const vectorOffset = bodyAt + batch.size(own)
  if (batch.size(own + 8) < vectorBytes || vectorOffset + vectorBytes > bodyEnd)
    throw new Error('column "vector" is too short')
  const moved = regions.filter((region) => bodyAt + batch.size(region) >= vectorOffset + vectorBytes)
  if (
    moved.length + regions.filter((region) => bodyAt + batch.size(region) <= vectorOffset).length <
    regions.length
  )
    throw new Error('a column begins in the vectors')
  const shortened = [bodyBytesAt, own + 8, ...moved].map((at) => sizeAt + at)
  return { dim, vectorOffset, cutBytes: vectorBytes - (vectorBytes % ALIGNMENT), shortened }
}

/** Buffers are in the order of the columns: which one has the values of "vector"? */
function vectorColumnOf(message: Reader): { dim: number; bufferIndex: number } {
  const schema = message.table(message.root(SIZE_BYTES), 2)
  let buffers = 0
  let found: { dim: number; bufferIndex: number } | null = null
  message.vector(schema, 1, 4, (entry) => {
    const field = entry + message.int(entry)
    if (message.text(field, 0) === 'vector') {
      const sizeAt = message.field(message.table(field, 3), 0)
      const dim = message.byte(field, 2) === FIXED_SIZE_LIST && sizeAt > 0 ? message.int(sizeAt) : 0
      if (dim <= 0 || dim > DIM_MAX || dim % DIM_STEP !== 0)
        throw new Error(`column "vector" has ${dim} components`)
      // Behind the validity of the lists and that of their components.
      found = { dim, bufferIndex: buffers + 2 }
    }
    buffers += buffersOf(message, field)
  })
  if (!found) throw new Error('column "vector" is missing')
  return found
}

function buffersOf(message: Reader, field: number): number {
  // A column of numbers of texts that are in a dictionary.
  if (message.field(field, 4) !== 0) return 2
  const type = message.byte(field, 2)
  const own = BUFFERS_OF_TYPE.get(type)
  if (own === undefined) throw new Error(`a column of type ${type}`)
  let children = 0
  if (type === FIXED_SIZE_LIST)
    message.vector(field, 5, 4, (entry) => {
      if (message.byte(entry + message.int(entry), 2) !== INT)
        throw new Error('a list of something else than numbers')
      children += 2
    })
  return own + children
}
