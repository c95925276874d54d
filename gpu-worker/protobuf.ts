/**
 * @file The wire format of Protocol Buffers, to write: enough for ONNX models and for event files. A writer for a few message
 * types is shorter than a schema compiler and its generated code.
 *
 * Source: protobuf.dev/programming-guides/encoding.
 */

/** A message as chunks: nesting one in another copies no weights until the very end. */
export type Rope = { bytes: number; chunks: readonly Uint8Array[] }

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5
const utf8 = new TextEncoder()

export const chunk = (bytes: Uint8Array): Rope => ({ bytes: bytes.byteLength, chunks: [bytes] })
export const join = (ropes: readonly Rope[]): Rope => ({
  bytes: ropes.reduce((sum, rope) => sum + rope.bytes, 0),
  chunks: ropes.flatMap((rope) => rope.chunks),
})

function varint(value: number | bigint): Rope {
  let rest = BigInt.asUintN(64, BigInt(value)) // negative int64: two's complement, ten bytes
  const bytes: number[] = []
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 0x80)
  } while (rest !== 0n)
  return chunk(Uint8Array.from(bytes))
}
const tag = (field: number, wireType: number) => varint((field << 3) | wireType)

export const int = (field: number, value: number | bigint): Rope => join([tag(field, VARINT), varint(value)])
export const message = (field: number, body: Rope): Rope =>
  join([tag(field, LENGTH_DELIMITED), varint(body.bytes), body])
export const string = (field: number, text: string): Rope => message(field, chunk(utf8.encode(text)))
export const float = (field: number, value: number): Rope =>
  join([tag(field, FIXED32), littleEndian(Float32Array.of(value))])
export const double = (field: number, value: number): Rope =>
  join([tag(field, FIXED64), littleEndian(Float64Array.of(value))])
/** A repeated field of doubles, packed. */
export const doubles = (field: number, values: readonly number[]): Rope =>
  message(field, littleEndian(Float64Array.from(values)))

/** Every platform that Node runs on is little-endian, as the format is. */
const littleEndian = (values: Float32Array | Float64Array): Rope =>
  chunk(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))

export function toBytes({ bytes, chunks }: Rope): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes)
  let offset = 0
  for (const part of chunks) {
    whole.set(part, offset)
    offset += part.byteLength
  }
  return whole
}
