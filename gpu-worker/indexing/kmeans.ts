/**
 * @file Spherical k-means: centroids of unit length, so that the nearest one is that of the largest dot product.
 *
 *   c ← Σ (x of the cluster) / ‖Σ (x of the cluster)‖
 *
 * Source: Dhillon and Modha, Concept Decompositions for Large Sparse Text Data Using Clustering, Machine Learning 42, 2001.
 */
import { createRandom } from '../../shared/lib/random.ts'
import type { NearestCentroid } from './nearest-centroid.ts'

export type KMeansOptions = {
  listCount: number
  dim: number
  /** Passes over the sample. */
  rounds: number
  seed: number
}

/**
 * @param vectors f32[n, dim] of unit length, n ≥ listCount; the sample that is learnt from
 * @returns       f32[listCount, dim] of unit length; the same vectors and seed give the same centroids
 */
export async function trainCentroids(
  vectors: Float32Array,
  nearest: Pick<NearestCentroid, 'find'>,
  { listCount, dim, rounds, seed }: KMeansOptions,
): Promise<Float32Array> {
  const n = vectors.length / dim
  let centroids: Float32Array = new Float32Array(listCount * dim)
  sampleRows(n, listCount, seed).forEach((row, list) => {
    centroids.set(vectors.subarray(row * dim, (row + 1) * dim), list * dim)
  })
  for (let round = 0; round < rounds; round++) {
    const { centroid, cosine } = await nearest.find(vectors, centroids)
    const next = new Float32Array(listCount * dim)
    const sizes = new Uint32Array(listCount)
    for (let row = 0; row < n; row++) {
      const list = centroid[row]!
      sizes[list]!++
      for (let i = 0; i < dim; i++) next[list * dim + i]! += vectors[row * dim + i]!
    }
    reseedEmpty(next, sizes, vectors, cosine, dim)
    normaliseRows(next, dim, centroids)
    centroids = next
  }
  return centroids
}

/** Distinct rows in random order: the first `count` of a shuffle. Source: Fisher and Yates, in Durstenfeld's form (CACM 1964). */
export function sampleRows(n: number, count: number, seed: number): Uint32Array {
  const random = createRandom(seed)
  const rows = Uint32Array.from({ length: n }, (_, row) => row)
  for (let at = 0; at < Math.min(count, n); at++) {
    const other = at + Math.floor(random() * (n - at))
    const row = rows[at]!
    rows[at] = rows[other]!
    rows[other] = row
  }
  return rows.subarray(0, Math.min(count, n))
}

/** A cluster that lost all its vectors starts again where the others fit worst. */
function reseedEmpty(
  centroids: Float32Array,
  sizes: Uint32Array,
  vectors: Float32Array,
  cosine: Float32Array,
  dim: number,
): void {
  const empty = [...sizes.keys()].filter((list) => sizes[list] === 0)
  if (empty.length === 0) return
  const worst = Uint32Array.from(cosine.keys()).sort((a, b) => cosine[a]! - cosine[b]! || a - b)
  empty.forEach((list, at) => {
    const row = worst[at]!
    centroids.set(vectors.subarray(row * dim, (row + 1) * dim), list * dim)
  })
}

/** @param before stands in for a row without length: vectors that cancel each other have no direction */
function normaliseRows(rows: Float32Array, dim: number, before: Float32Array): void {
  for (let at = 0; at < rows.length; at += dim) {
    let square = 0
    for (let i = at; i < at + dim; i++) square += rows[i]! * rows[i]!
    if (square === 0) rows.set(before.subarray(at, at + dim), at)
    else for (let i = at, norm = Math.sqrt(square); i < at + dim; i++) rows[i]! /= norm
  }
}
