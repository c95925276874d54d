/** @file Text vectors made fit to be projected: centred, and turned so that no two numbers say the same. */

/** rows × size numbers, row-major. */
export type Vectors = { size: number; data: Float32Array }

/** Of a variance that vanishes, as a share of the mean one: keeps the factor of vectors that lie in a plane. */
const RIDGE = 1e-3

/**
 *   t = L⁻¹ (x − μ) / √size,   L Lᵀ = covariance + ridge
 *
 * Lengths come out near 1. Text vectors of an encoder share most of their length and direction, which would drown what sets
 * items apart. Source: Cholesky whitening in Kessy, Lewin, Strimmer, The American Statistician 72(4), 2018.
 */
export function whiten({ size, data }: Vectors): Vectors {
  const rows = data.length / size
  const mean = new Float64Array(size)
  for (let at = 0; at < data.length; at++) mean[at % size]! += data[at]! / rows
  const factor = cholesky(covarianceOf({ size, data }, mean), size)
  const result = new Float32Array(data.length)
  const scale = 1 / Math.sqrt(size)
  const solved = new Float64Array(size)
  for (let row = 0; row < rows; row++) {
    // L y = x − μ, from the first number on.
    for (let i = 0; i < size; i++) {
      let rest = data[row * size + i]! - mean[i]!
      for (let j = 0; j < i; j++) rest -= factor[i * size + j]! * solved[j]!
      solved[i] = rest / factor[i * size + i]!
      result[row * size + i] = solved[i]! * scale
    }
  }
  return { size, data: result }
}

function covarianceOf({ size, data }: Vectors, mean: Float64Array): Float64Array {
  const rows = data.length / size
  const covariance = new Float64Array(size * size)
  const centred = new Float64Array(size)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < size; i++) centred[i] = data[row * size + i]! - mean[i]!
    for (let i = 0; i < size; i++) {
      const x = centred[i]! / rows
      for (let j = 0; j <= i; j++) covariance[i * size + j]! += x * centred[j]!
    }
  }
  let trace = 0
  for (let i = 0; i < size; i++) trace += covariance[i * size + i]!
  // All texts alike leave nothing: a variance of 1 then, so that all vectors are zero.
  const ridge = trace === 0 ? 1 : (RIDGE * trace) / size
  for (let i = 0; i < size; i++) covariance[i * size + i]! += ridge
  return covariance
}

/** The lower factor, in place, of the lower half of a symmetric positive matrix. */
function cholesky(matrix: Float64Array, size: number): Float64Array {
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k]! * matrix[j * size + k]!
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * size + j]!
    }
  return matrix
}
