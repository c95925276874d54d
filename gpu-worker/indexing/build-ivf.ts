/** @file The vectors of an index as inverted lists: learn centroids from a sample, find each vector's list, write both files. */
import type { Segment } from '../../shared/segment/decode.ts'
import { encodeIvf } from '../../shared/vector/ivf.ts'
import { dequantise, quantiseItem } from '../../shared/vector/quantise.ts'
import { sampleRows, trainCentroids } from './kmeans.ts'
import { openNearestCentroid } from './nearest-centroid.ts'

export type IvfOptions = {
  threads: number
  seed: number
  /** Default `listCountFor`. */
  listCount?: number
}

/** Vectors that a centroid is learnt from. Source: Faiss warns below 39. */
const SAMPLE_PER_LIST = 40
/** Passes over the sample. */
const ROUNDS = 8
/** Vectors as f32 at a time. */
const CHUNK = 16_384
const LIST_COUNT_MAX = 4_096

/**
 * Four times the root of the count, as a power of two: then reading the centroids and reading 16 lists cost about the same.
 * Source: the rule of thumb of Faiss, "Guidelines to choose an index".
 */
export const listCountFor = (vectors: number): number =>
  Math.min(LIST_COUNT_MAX, 2 ** Math.max(0, Math.round(Math.log2(4 * Math.sqrt(vectors)))))

/**
 * @param isNewest which rows the index shows; others are left out, as are rows without a vector
 * @returns        null when no row has a vector of `dim`
 */
export async function buildIvf(
  segments: readonly Segment[],
  dim: number,
  isNewest: (segment: Segment, row: number) => boolean,
  { threads, seed, listCount: wanted }: IvfOptions,
): Promise<{ head: Uint8Array; lists: Uint8Array } | null> {
  const rows = rowsWithVector(segments, dim, isNewest)
  const n = rows.row.length
  if (n === 0) return null
  const listCount = Math.min(n, wanted ?? listCountFor(n))
  const vectorsOf = (positions: ArrayLike<number>) => {
    const vectors = new Float32Array(positions.length * dim)
    for (let at = 0; at < positions.length; at++) {
      const { segment, row } = rows.at(positions[at]!)
      vectors.set(unit(dequantise(segment.vectors, row * dim, dim, segment.vectorScale[row]!)), at * dim)
    }
    return vectors
  }
  const nearest = await openNearestCentroid(dim, listCount, threads)
  try {
    const sample = vectorsOf(sampleRows(n, listCount * SAMPLE_PER_LIST, seed))
    const options = { listCount, dim, rounds: ROUNDS, seed }
    const centroids = await trainCentroids(sample, nearest, options)
    const listOf = new Uint32Array(n)
    for (let from = 0; from < n; from += CHUNK) {
      const chunk = Array.from({ length: Math.min(CHUNK, n - from) }, (_, at) => from + at)
      listOf.set((await nearest.find(vectorsOf(chunk), centroids)).centroid, from)
    }
    const quantised = Array.from({ length: listCount }, (_, list) =>
      quantiseItem(centroids.subarray(list * dim, (list + 1) * dim)),
    )
    return encodeIvf(dim, quantised, listOf, (position) => {
      const { segment, row } = rows.at(position)
      return {
        number: segment.number[row]!,
        version: segment.version[row]!,
        vector: {
          codes: segment.vectors.subarray(row * dim, (row + 1) * dim),
          scale: segment.vectorScale[row]!,
        },
      }
    })
  } finally {
    await nearest.close()
  }
}

/** Where the vectors are, as two columns: a million small objects would take more memory than the vectors. */
function rowsWithVector(
  segments: readonly Segment[],
  dim: number,
  isNewest: (segment: Segment, row: number) => boolean,
) {
  const count = segments.reduce((sum, segment) => sum + segment.rows, 0)
  const [segmentAt, rowAt] = [new Uint32Array(count), new Uint32Array(count)]
  let n = 0
  segments.forEach((segment, at) => {
    if (segment.dim !== dim) return
    for (let row = 0; row < segment.rows; row++) {
      if (segment.live[row] !== 1 || segment.vectorScale[row] === 0 || !isNewest(segment, row)) continue
      segmentAt[n] = at
      rowAt[n++] = row
    }
  })
  const row = rowAt.subarray(0, n)
  return {
    row,
    at: (position: number) => ({ segment: segments[segmentAt[position]!]!, row: row[position]! }),
  }
}

/** Quantisation moves a vector's length a little; a centroid is a direction. */
function unit(vector: Float32Array): Float32Array {
  const norm = Math.hypot(...vector)
  return norm > 0 ? vector.map((x) => x / norm) : vector
}
