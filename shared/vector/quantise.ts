/**
 * @file Vectors in 7 bits: x ≈ (code − 64) · scale, one scale per vector, items and queries alike. Seven bits leave room to
 * sum two products in one 32-bit multiplication (see `dotRows`), and cannot saturate in SIMD kernels either.
 */
export const BIAS = 64
const CODE_MAX = 63
/** Components are read four at a time. */
export const DIM_STEP = 4
/** Vectors of more components are refused: what kernels sum up of them must fit in 16 bits. */
export const DIM_MAX = 4_096

export type QuantisedVector = { codes: Uint8Array; scale: number }
/** Codes of a query in the order in which `dotRows` multiplies them, and its part of the bias. */
export type QuantisedQuery = {
  dim: number
  /** Components 4k + 2 and 4k, as low and high half. */
  even: Int32Array
  /** Components 4k + 3 and 4k + 1. */
  odd: Int32Array
  scale: number
  /** BIAS · Σ (code − BIAS). */
  offset: number
}

/** May these bytes be codes? Four at a time. */
export function isSevenBit(codes: Uint8Array): boolean {
  const from = Math.min(codes.length, (4 - (codes.byteOffset % 4)) % 4)
  const words = new Uint32Array(codes.buffer, codes.byteOffset + from, (codes.length - from) >>> 2)
  let bits = 0
  for (let i = 0; i < words.length; i++) bits |= words[i]!
  for (let i = 0; i < from; i++) bits |= codes[i]!
  for (let i = from + 4 * words.length; i < codes.length; i++) bits |= codes[i]!
  return (bits & 0x80808080) === 0
}

/** @param vector f32[dim]; a zero vector gives scale 0 */
export function quantiseItem(vector: Float32Array): QuantisedVector {
  const scale = largest(vector) / CODE_MAX
  const codes = new Uint8Array(vector.length).fill(BIAS)
  if (scale > 0) for (let i = 0; i < vector.length; i++) codes[i] = BIAS + Math.round(vector[i]! / scale)
  return { codes, scale }
}

/** @param vector f32[dim], dim a multiple of `DIM_STEP` */
export function quantiseQuery(vector: Float32Array): QuantisedQuery {
  const { codes, scale } = quantiseItem(vector)
  const dim = vector.length
  const even = new Int32Array(dim / DIM_STEP)
  const odd = new Int32Array(dim / DIM_STEP)
  let sum = 0
  for (let i = 0, k = 0; i < dim; i += DIM_STEP, k++) {
    even[k] = codes[i + 2]! | (codes[i]! << 16)
    odd[k] = codes[i + 3]! | (codes[i + 1]! << 16)
  }
  for (let i = 0; i < dim; i++) sum += codes[i]! - BIAS
  return { dim, even, odd, scale, offset: BIAS * sum }
}

/** Σ codes of each row: the other part of the bias. u32[rows] */
export function codeSums(items: Uint8Array, dim: number, rows: number): Uint32Array {
  const sums = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let i = row * dim; i < (row + 1) * dim; i++) sum += items[i]!
    sums[row] = sum
  }
  return sums
}

const LOW_BYTES = 0x00ff00ff

/**
 * Dot products of many items with a query, exact for their codes.
 *
 * Two products for one multiplication: with two codes in each operand, low half and high half,
 *
 *   (a₀ + a₂·2¹⁶) · (b₂ + b₀·2¹⁶)  =  a₀b₂  +  (a₀b₀ + a₂b₂)·2¹⁶  +  a₂b₀·2³²
 *
 * the first term stays below 2¹⁶ and the last one falls out of 32 bits, so that the upper half is the sum that is wanted; two
 * such results may still be added before it is taken, because codes have 7 bits (4 · 127² < 2¹⁶). Four rows go side by side,
 * so that the query is read once for them. Twice as fast as one product at a time.
 *
 *   Σ (a − 64)(b − 64)  =  Σ ab − 64 · Σ a − 64 · Σ (b − 64)
 *
 * @param items  u8[rows, dim], row-major, each ≤ 127; starts at a multiple of four bytes
 * @param sums   u32[rows], from `codeSums`
 * @param scales f32[rows]
 * @param out    f32[rows or more], overwritten
 */
export function dotRows(
  items: Uint8Array,
  sums: Uint32Array,
  scales: Float32Array,
  rows: number,
  { dim, even, odd, scale, offset }: QuantisedQuery,
  out: Float32Array,
): void {
  const words = new Int32Array(items.buffer, items.byteOffset, (rows * dim) / DIM_STEP)
  const step = dim / DIM_STEP
  const write = (row: number, dot: number) => {
    out[row] = (dot - BIAS * sums[row]! - offset) * scales[row]! * scale
  }
  let row = 0
  for (; row + 3 < rows; row += 4) {
    const first = row * step
    const second = first + step
    const third = second + step
    const fourth = third + step
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    for (let i = 0; i < step; i++) {
      const x = even[i]!
      const y = odd[i]!
      a = (a + pairs(words[first + i]!, x, y)) | 0
      b = (b + pairs(words[second + i]!, x, y)) | 0
      c = (c + pairs(words[third + i]!, x, y)) | 0
      d = (d + pairs(words[fourth + i]!, x, y)) | 0
    }
    write(row, a)
    write(row + 1, b)
    write(row + 2, c)
    write(row + 3, d)
  }
  for (; row < rows; row++) {
    let sum = 0
    for (let i = 0; i < step; i++) sum = (sum + pairs(words[row * step + i]!, even[i]!, odd[i]!)) | 0
    write(row, sum)
  }
}

/** Four products of one word of codes (little-endian) with the two halves of a query word, summed. */
const pairs = (word: number, even: number, odd: number): number =>
  ((Math.imul(word & LOW_BYTES, even) + Math.imul((word >>> 8) & LOW_BYTES, odd)) | 0) >>> 16

/** Back to f32[dim]. */
export function dequantise(items: Uint8Array, at: number, dim: number, scale: number): Float32Array {
  const vector = new Float32Array(dim)
  for (let i = 0; i < dim; i++) vector[i] = (items[at + i]! - BIAS) * scale
  return vector
}

function largest(vector: Float32Array): number {
  let max = 0
  for (let i = 0; i < vector.length; i++) max = Math.max(max, Math.abs(vector[i]!))
  return max
}
