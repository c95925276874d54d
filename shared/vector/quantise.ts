/**
 * @file Vectors in 7 bits: x ≈ (code − 64) · scale, one scale per vector. Item codes are unsigned so that later SIMD kernels
 * can multiply u8 × i8 without saturation; queries are signed 8 bit, and the bias is a constant of the query.
 */
export const BIAS = 64
const ITEM_MAX = 63
const QUERY_MAX = 127

export type QuantisedVector = { codes: Uint8Array; scale: number }
export type QuantisedQuery = { codes: Int8Array; scale: number /** BIAS · Σ codes */; offset: number }

/** @param vector f32[dim]; a zero vector gives scale 0 */
export function quantiseItem(vector: Float32Array): QuantisedVector {
  const scale = largest(vector) / ITEM_MAX
  const codes = new Uint8Array(vector.length).fill(BIAS)
  if (scale > 0) for (let i = 0; i < vector.length; i++) codes[i] = BIAS + Math.round(vector[i]! / scale)
  return { codes, scale }
}

/** @param vector f32[dim] */
export function quantiseQuery(vector: Float32Array): QuantisedQuery {
  const scale = largest(vector) / QUERY_MAX
  const codes = new Int8Array(vector.length)
  let sum = 0
  if (scale > 0)
    for (let i = 0; i < vector.length; i++) {
      codes[i] = Math.round(vector[i]! / scale)
      sum += codes[i]!
    }
  return { codes, scale, offset: BIAS * sum }
}

/**
 * Dot product of one item with a query: (Σ item·query − BIAS · Σ query) · both scales.
 *
 * @param items u8[n, dim], row-major
 * @param at    offset of the item's first code
 */
export function dotQuantised(
  items: Uint8Array,
  at: number,
  itemScale: number,
  query: QuantisedQuery,
): number {
  const codes = query.codes
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  // Four sums, so that the additions do not wait for each other; `imul` keeps them in integer registers. 128 · 127 · dim
  // stays far below 2³¹.
  for (; i + 3 < codes.length; i += 4) {
    a = (a + Math.imul(items[at + i]!, codes[i]!)) | 0
    b = (b + Math.imul(items[at + i + 1]!, codes[i + 1]!)) | 0
    c = (c + Math.imul(items[at + i + 2]!, codes[i + 2]!)) | 0
    d = (d + Math.imul(items[at + i + 3]!, codes[i + 3]!)) | 0
  }
  for (; i < codes.length; i++) a = (a + Math.imul(items[at + i]!, codes[i]!)) | 0
  return (a + b + c + d - query.offset) * itemScale * query.scale
}

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
