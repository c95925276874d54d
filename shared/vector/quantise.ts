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
 * Dot products of many items with a query: (Σ item·query − BIAS · Σ query) · both scales. Four items go side by side, so
 * that a query component is read once for them and the additions do not wait for each other.
 *
 * @param items  u8[rows, dim], row-major
 * @param scales f32[rows]
 * @param out    f32[rows or more], overwritten
 * Cost: about 0.7 ns a component on one core, plain JavaScript. 128 · 127 · dim stays far below 2³¹.
 */
export function dotRows(
  items: Uint8Array,
  scales: Float32Array,
  rows: number,
  { codes, scale, offset }: QuantisedQuery,
  out: Float32Array,
): void {
  const dim = codes.length
  let row = 0
  for (; row + 3 < rows; row += 4) {
    const first = row * dim
    const second = first + dim
    const third = second + dim
    const fourth = third + dim
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    for (let i = 0; i < dim; i++) {
      const code = codes[i]!
      a = (a + Math.imul(items[first + i]!, code)) | 0
      b = (b + Math.imul(items[second + i]!, code)) | 0
      c = (c + Math.imul(items[third + i]!, code)) | 0
      d = (d + Math.imul(items[fourth + i]!, code)) | 0
    }
    out[row] = (a - offset) * scales[row]! * scale
    out[row + 1] = (b - offset) * scales[row + 1]! * scale
    out[row + 2] = (c - offset) * scales[row + 2]! * scale
    out[row + 3] = (d - offset) * scales[row + 3]! * scale
  }
  for (; row < rows; row++) {
    let sum = 0
    for (let i = 0; i < dim; i++) sum = (sum + Math.imul(items[row * dim + i]!, codes[i]!)) | 0
    out[row] = (sum - offset) * scales[row]! * scale
  }
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
