/** @file Rows of numbers, and the little linear algebra that they need before a model learns from them. */

/** Rows of `size` numbers, row-major. */
export type Vectors = { size: number; data: Float32Array }

/** Of a variance, as a share of the mean one: keeps the factor of vectors that lie in a plane. */
const RIDGE = 1e-3

/**
 *   t = L⁻¹ (x − μ) / √size,   L Lᵀ = covariance
 *
 * Lengths come out near 1. Text vectors share most of their length and direction, which would drown what sets items apart.
 * Source: Cholesky whitening in Kessy, Lewin, Strimmer, The American Statistician 72(4), 2018.
 */
export function whiten({ size, data }: Vectors): Vectors {
  const rows = data.length / size
  const mean = new Float64Array(size)
  for (let at = 0; at < data.length; at++) mean[at % size]! += data[at]! / rows
  const centred = Float64Array.from(data, (x, at) => x - mean[at % size]!)
  const factor = choleskyFactor(
    gramOf(centred, size).map((x) => x / rows),
    size,
    RIDGE,
  )
  solveRows(factor, centred, size)
  const scale = 1 / Math.sqrt(size)
  return { size, data: Float32Array.from(centred, (x) => x * scale) }
}

/** XᵀX of rows X: f64[size, size], the lower half. */
export function gramOf(rows: Float64Array, size: number): Float64Array {
  const gram = new Float64Array(size * size)
  for (let from = 0; from < rows.length; from += size)
    for (let i = 0; i < size; i++) {
      const x = rows[from + i]!
      if (x !== 0) for (let j = 0; j <= i; j++) gram[i * size + j]! += x * rows[from + j]!
    }
  return gram
}

/**
 * L of L Lᵀ = G + r · mean(diagonal of G), in the place of G.
 *
 * @param gram  its lower half, positive semi-definite
 * @param ridge r > 0; by default as little as keeps rounding from a negative root
 */
export function choleskyFactor(gram: Float64Array, size: number, ridge = 1e-12): Float64Array {
  let trace = 0
  for (let i = 0; i < size; i++) trace += gram[i * size + i]!
  // Of rows that are all zero nothing is left: a variance of 1 then keeps them zero.
  const added = trace > 0 ? (ridge * trace) / size : 1
  for (let i = 0; i < size; i++) gram[i * size + i]! += added
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let rest = gram[i * size + j]!
      for (let k = 0; k < j; k++) rest -= gram[i * size + k]! * gram[j * size + k]!
      gram[i * size + j] = i === j ? Math.sqrt(Math.max(rest, added)) : rest / gram[j * size + j]!
    }
  return gram
}

/** L⁻¹ x in the place of each row x: rows with the Gram matrix L Lᵀ become orthonormal columns. */
export function solveRows(factor: Float64Array, rows: Float64Array, size: number): void {
  for (let from = 0; from < rows.length; from += size)
    for (let i = 0; i < size; i++) {
      let rest = rows[from + i]!
      for (let j = 0; j < i; j++) rest -= factor[i * size + j]! * rows[from + j]!
      rows[from + i] = rest / factor[i * size + i]!
    }
}
