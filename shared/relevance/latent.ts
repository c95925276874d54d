/**
 * @file Words that stand in like titles have like vectors, though they never meet: "vac" and "vacuum", "bath" and "vanity".
 *
 * The titles × terms matrix A, weighted by idf and each title of unit length, is seen through its SIZE first right singular
 * vectors: the dominant subspace of AᵀA, found by multiplying a random one by it again and again.
 * Source: Deerwester et al., JASIS 41(6), 1990; subspace iteration: Halko, Martinsson, Tropp, SIAM Review 53(2), 2011.
 */
import { createRandom, gaussian } from '../lib/random.ts'

/** By term number, `LATENT_SIZE` numbers each; the vector of a text is the sum over its terms. */
export type LatentSpace = Float32Array

export const LATENT_SIZE = 64
const ITERATIONS = 5
const SEED = 1

/**
 * @param titles distinct term numbers of each title
 * @param idf    by term number
 *
 * Cost: about 3 s for 50,000 titles of 17,000 terms.
 */
export function learnLatentSpace(titles: readonly Uint32Array[], idf: Float64Array): LatentSpace {
  const squares = titles.map((terms) => terms.reduce((sum, term) => sum + idf[term]! ** 2, 0) || 1)
  const random = createRandom(SEED)
  let basis = Array.from({ length: LATENT_SIZE }, () => Float64Array.from(idf, () => gaussian(random)))
  orthonormalise(basis)
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    basis = basis.map((vector) => timesSquare(vector, titles, squares, idf))
    orthonormalise(basis)
  }
  const space = new Float32Array(idf.length * LATENT_SIZE)
  basis.forEach((vector, at) => {
    for (let term = 0; term < idf.length; term++) space[term * LATENT_SIZE + at] = vector[term]! * idf[term]!
  })
  return space
}

/** AᵀA v, A[title][term] = idf / length of the title's weights. */
function timesSquare(
  vector: Float64Array,
  titles: readonly Uint32Array[],
  squares: readonly number[],
  idf: Float64Array,
): Float64Array<ArrayBuffer> {
  const result = new Float64Array(vector.length)
  titles.forEach((terms, title) => {
    let dot = 0
    for (const term of terms) dot += vector[term]! * idf[term]!
    dot /= squares[title]!
    for (const term of terms) result[term]! += dot * idf[term]!
  })
  return result
}

/** Gram and Schmidt, twice over, because once loses digits. A vector that the others span becomes zero. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  vectors.forEach((vector, at) => {
    for (let pass = 0; pass < 2; pass++)
      for (const other of vectors.slice(0, at)) {
        const along = dot(vector, other)
        for (let i = 0; i < vector.length; i++) vector[i]! -= along * other[i]!
      }
    const length = Math.sqrt(dot(vector, vector))
    const scale = length > SMALLEST_LENGTH ? 1 / length : 0
    for (let i = 0; i < vector.length; i++) vector[i]! *= scale
  })
}
/** Of what is left of a vector of length near 1 or more: below it there is rounding alone. */
const SMALLEST_LENGTH = 1e-10

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Σ over the terms. */
export function latentVector(space: LatentSpace, terms: Iterable<number>): Float64Array {
  const sum = new Float64Array(LATENT_SIZE)
  for (const term of terms) for (let i = 0; i < LATENT_SIZE; i++) sum[i]! += space[term * LATENT_SIZE + i]!
  return sum
}

/** 0 where either is zero. */
export function cosine(a: Float64Array, b: Float64Array): number {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b))
  return lengths === 0 ? 0 : dot(a, b) / lengths
}
