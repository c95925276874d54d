/** @file The dot product of two vectors of floats. */

/**
 * Σ a[i] · b[i], in four sums: one alone would wait for each addition before it begins the next.
 *
 * @param a f32[dim], and b, dim a multiple of four as item vectors have it
 */
export function dot(a: Float32Array, b: Float32Array): number {
  let first = 0
  let second = 0
  let third = 0
  let fourth = 0
  for (let i = 0; i < a.length; i += 4) {
    first += a[i]! * b[i]!
    second += a[i + 1]! * b[i + 1]!
    third += a[i + 2]! * b[i + 2]!
    fourth += a[i + 3]! * b[i + 3]!
  }
  return first + second + third + fourth
}
