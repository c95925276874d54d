/**
 * @file The safetensors format: a JSON header and one block of bytes.
 *
 *   offset   size  field
 *   0        8     n u64 little-endian: bytes of the header
 *   8        n     header, JSON: name → { dtype, shape, data_offsets: [from, to] }, offsets from the end of the header
 *   8 + n    …     data, little-endian, row-major
 *
 * Source: github.com/huggingface/safetensors, "Format". Reads F32, F16 and BF16 (all as f32), writes F32 or F16.
 */
import { z } from 'zod'
import { err, ok, type Result } from '../../shared/lib/result.ts'

export type CheckpointTensor = { shape: readonly number[]; data: Float32Array }
/** Width of the numbers in a file; in memory they are f32. */
export type TensorStorage = 'f32' | 'f16'

/** Largest number that an f16 holds; what rounds beyond it becomes infinite. */
export const FLOAT16_MAX = 65_504

const LENGTH_BYTES = 8
/** The limit of the reference implementation. */
const HEADER_BYTES_MAX = 100_000_000

const Entry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()).max(8),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
})
const Header = z.record(z.string(), z.unknown())

/**
 * Read untrusted bytes; the error is a sentence for a person.
 *
 * @param rename the name under which to keep a tensor, or null to leave it out unread
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  rename: (name: string) => string | null = (name) => name,
): Result<Map<string, CheckpointTensor>, string> {
  const header = readHeader(bytes)
  if (!header.ok) return header
  const body = bytes.subarray(header.value.end)
  const tensors = new Map<string, CheckpointTensor>()
  for (const [stored, value] of Object.entries(header.value.entries)) {
    const name = stored === '__metadata__' ? null : rename(stored)
    if (name === null) continue
    const entry = Entry.safeParse(value)
    if (!entry.success) return err(`tensor ${stored} has a malformed header entry`)
    const { dtype, shape, data_offsets } = entry.data
    const [from, to] = data_offsets
    const bytesPerElement = BYTES_PER_ELEMENT[dtype]
    if (!bytesPerElement) return err(`tensor ${stored} is ${dtype}; F32, F16 and BF16 can be read`)
    const count = shape.reduce((product, dim) => product * dim, 1)
    if (to > body.length || to - from !== count * bytesPerElement)
      return err(`tensor ${stored} lies outside the file or does not fit its shape [${shape.join(', ')}]`)
    if (tensors.has(name)) return err(`tensor ${name} is there twice`)
    // A copy by construction: `slice` of a Node Buffer is a view of the whole file.
    tensors.set(name, { shape, data: toFloat32(dtype, new Uint8Array(body.subarray(from, to))) })
  }
  return ok(tensors)
}

function readHeader(bytes: Uint8Array): Result<{ entries: Record<string, unknown>; end: number }, string> {
  if (bytes.length < LENGTH_BYTES) return err('the file is shorter than its own header length')
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(0, true)
  if (length > HEADER_BYTES_MAX || length > bytes.length - LENGTH_BYTES)
    return err(`the header is said to have ${length} bytes; the file is cut off or no safetensors file`)
  const end = LENGTH_BYTES + Number(length)
  try {
    const header = Header.safeParse(JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, end))))
    return header.success ? ok({ entries: header.data, end }) : err('the header is not a JSON object')
  } catch {
    return err('the header is not JSON')
  }
}

const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 }

/** @param bytes a copy of our own, at offset 0, so that views of it are aligned */
function toFloat32(dtype: string, bytes: Uint8Array): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer)
  if (dtype === 'F16') return new Float32Array(new Float16Array(bytes.buffer))
  // bfloat16 is the upper half of a float32.
  const bits = Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16)
  return new Float32Array(bits.buffer)
}

/** The free texts of the header, none where it has none. */
export function readMetadata(bytes: Uint8Array): Result<Record<string, string>, string> {
  const header = readHeader(bytes)
  if (!header.ok) return header
  const parsed = z.record(z.string(), z.string()).safeParse(header.value.entries.__metadata__ ?? {})
  return parsed.success ? ok(parsed.data) : err('__metadata__ is not a map of texts')
}

export type SafetensorsOptions = { metadata?: Readonly<Record<string, string>>; storage?: TensorStorage }

/**
 * Tensors in the order of the map; the same tensors give the same bytes.
 *
 * @param options.storage default f32; f16 rounds to the nearest number that it has, ties to even, in half the bytes
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  options: SafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const header = encodeHeader(tensors, options)
  const bytes = new Uint8Array(header.bytes.length + header.bodyBytes)
  let offset = 0
  for (const part of safetensorsParts(tensors, options)) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

/** The same file piece by piece, so that it can be written without a second copy of all tensors in memory. */
export function* safetensorsParts(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  options: SafetensorsOptions = {},
): Generator<Uint8Array> {
  yield encodeHeader(tensors, options).bytes
  for (const { data } of tensors.values()) {
    const stored = options.storage === 'f16' ? new Float16Array(data) : data
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)
  }
}

function encodeHeader(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  { metadata, storage = 'f32' }: SafetensorsOptions,
): { bytes: Uint8Array; bodyBytes: number } {
  const dtype = storage === 'f16' ? 'F16' : 'F32'
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {}
  let end = 0
  for (const [name, { shape, data }] of tensors) {
    const from = end
    end += data.length * BYTES_PER_ELEMENT[dtype]!
    header[name] = { dtype, shape: [...shape], data_offsets: [from, end] }
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  // Trailing spaces, so that the data starts on a multiple of eight and can be mapped as it lies.
  const length = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, LENGTH_BYTES)
  return { bytes, bodyBytes: end }
}
