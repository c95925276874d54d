/**
 * @file Looks through the metadata of an Arrow file before the library reads it. The library believes the lengths that are written
 * there: a bit turned over in one, and it makes two thousand million entries. Nothing is decoded here, only lengths and places.
 *
 * Source: flatbuffers' binary format; Message.fbs, Schema.fbs and File.fbs of Apache Arrow. `slot` n of a table is its n-th field.
 */

const MAGIC_BYTES = 6
const FIELDS_DEPTH_MAX = 8
const BLOCK_BYTES = 24
const NODE_BYTES = 16
const OFFSET_BYTES = 4

/** @throws when a place lies outside the file, or something is longer than the file could hold */
export function checkArrowFile(bytes: Uint8Array): void {
  if (bytes.length < 2 * MAGIC_BYTES + OFFSET_BYTES) throw new Error('the file is cut off')
  const reader = createReader(bytes)
  const end = bytes.length - MAGIC_BYTES - OFFSET_BYTES
  const footer = reader.root(end - reader.int(end))
  checkSchema(reader, reader.table(footer, 1))
  for (const slot of [2, 3])
    reader.vector(footer, slot, BLOCK_BYTES, (block) => checkMessage(reader, reader.int(block)))
}

export type Reader = ReturnType<typeof createReader>

/** Reads flatbuffers; every read outside the bytes throws. */
export function createReader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  // Reads outside the file throw a RangeError.
  const int = (at: number) => view.getInt32(at, true)
  /** Where a field of a table lies; 0 when it is left out. */
  const field = (table: number, slot: number): number => {
    if (table === 0) return 0
    const fields = table - int(table)
    const at = 4 + 2 * slot
    const offset = at < view.getUint16(fields, true) ? view.getUint16(fields + at, true) : 0
    return offset === 0 ? 0 : table + offset
  }
  const follow = (at: number) => (at === 0 ? 0 : at + int(at))
  return {
    int,
    /** No file has as many rows as bits. */
    length(at: number): void {
      const high = int(at + 4)
      if (high !== 0 || view.getUint32(at, true) > 8 * bytes.length) throw new Error('a length is too large')
    },
    /** An i64 that counts bytes or rows. */
    size(at: number): number {
      const value = Number(view.getBigInt64(at, true))
      if (value < 0 || !Number.isSafeInteger(value)) throw new Error('a length is too large')
      return value
    },
    text(table: number, slot: number): string {
      const at = follow(field(table, slot))
      const from = at + OFFSET_BYTES
      return at === 0 ? '' : new TextDecoder().decode(bytes.subarray(from, from + int(at)))
    },
    byte: (table: number, slot: number): number => {
      const at = field(table, slot)
      return at === 0 ? 0 : view.getUint8(at)
    },
    field,
    root: (at: number) => follow(at),
    table: (table: number, slot: number) => follow(field(table, slot)),
    vector(table: number, slot: number, stride: number, check: (entry: number) => void): void {
      const at = follow(field(table, slot))
      if (at === 0) return
      const count = int(at)
      const from = at + OFFSET_BYTES
      if (count < 0 || from + count * stride > bytes.length) throw new Error('a list is longer than the file')
      for (let i = 0; i < count; i++) check(from + i * stride)
    },
  }
}

function checkSchema(reader: Reader, schema: number): void {
  reader.vector(schema, 1, OFFSET_BYTES, (entry) => checkField(reader, entry + reader.int(entry), 0))
  reader.vector(schema, 2, OFFSET_BYTES, () => {})
}

function checkField(reader: Reader, at: number, depth: number): void {
  if (depth > FIELDS_DEPTH_MAX) throw new Error('columns are nested too deep')
  reader.vector(at, 5, OFFSET_BYTES, (entry) => checkField(reader, entry + reader.int(entry), depth + 1))
  reader.vector(at, 6, OFFSET_BYTES, () => {})
}

/** Kinds of message. */
export const HEADER = { schema: 1, dictionary: 2, batch: 3 } as const

function checkMessage(reader: Reader, at: number): void {
  // Since version 5 a marker of four bytes comes before the size of the metadata.
  const message = reader.root(at + (reader.int(at) === -1 ? 2 : 1) * OFFSET_BYTES)
  const kind = reader.byte(message, 1)
  const header = reader.table(message, 2)
  if (kind === HEADER.schema) checkSchema(reader, header)
  if (kind === HEADER.dictionary) checkBatch(reader, reader.table(header, 1))
  if (kind === HEADER.batch) checkBatch(reader, header)
}

function checkBatch(reader: Reader, batch: number): void {
  const rows = reader.field(batch, 0)
  if (rows !== 0) reader.length(rows)
  reader.vector(batch, 1, NODE_BYTES, (node) => {
    reader.length(node)
    reader.length(node + 8)
  })
  reader.vector(batch, 2, NODE_BYTES, (buffer) => {
    reader.length(buffer)
    reader.length(buffer + 8)
  })
  reader.vector(batch, 4, 8, (count) => reader.length(count))
}
