/**
 * @file The centre of a set of embeddings, and how far chance alone moves it. A centroid of few or widely spread vectors moves by
 * itself; the bootstrap says by how much, so that a shift is held against its own noise and not against a constant alone.
 */

import { createRandom } from '../../lib/random.ts'
import type { VectorSummary } from '../../schema/drift.ts'

/** Vectors that the bootstrap draws from; the noise of more is scaled down from these. */
const SAMPLE_MAX = 1_000
const RESAMPLES = 60
const SEED = 11
/** What is kept of a number: snapshots are a few KB. */
const DIGITS = 4

/**
 * @param vectors f32[dim] each, of any length but 0; their directions are what is compared
 * @returns null of fewer than two vectors
 */
export function summariseVectors(modelId: string, vectors: readonly Float32Array[]): VectorSummary | null {
  if (vectors.length < 2) return null
  const units = vectors.map(unit)
  const mean = meanOf(units)
  const random = createRandom(SEED)
  const step = Math.max(1, units.length / SAMPLE_MAX)
  const sample = Array.from(
    { length: Math.min(SAMPLE_MAX, units.length) },
    (_, at) => units[Math.floor(at * step)]!,
  )
  const centre = meanOf(sample)
  const shifts = Array.from({ length: RESAMPLES }, () => {
    const drawn = sample.map(() => sample[Math.floor(random() * sample.length)]!)
    return squaredDistance(meanOf(drawn), centre)
  }).sort((a, b) => a - b)
  // The variance of a mean falls with the count.
  const scale = sample.length / units.length
  const round = (value: number) => Number(value.toPrecision(DIGITS))
  return {
    ...{ modelId, count: units.length, mean: [...mean].map(round) },
    noise: {
      mean: round((scale * shifts.reduce((sum, shift) => sum + shift, 0)) / RESAMPLES),
      high: round(scale * shifts.at(-1)!),
    },
  }
}

export type CentroidShift = {
  /** 1 − cosine of the two centroids. */
  cosineDistance: number
  /** Squared distance over what chance is granted: above 1 it is no chance. */
  overNoise: number
}

/** @returns null where the two were made by different models, whose spaces have nothing to do with each other */
export function centroidShift(a: VectorSummary, b: VectorSummary): CentroidShift | null {
  if (a.modelId !== b.modelId || a.mean.length !== b.mean.length) return null
  const [x, y] = [Float64Array.from(a.mean), Float64Array.from(b.mean)]
  const lengths = Math.sqrt(dot(x, x) * dot(y, y))
  // Expected noises of independent means add up; the highest of the resamples says how far beyond it chance goes.
  const expected = a.noise.mean + b.noise.mean
  const beyond = Math.max(a.noise.high / a.noise.mean, b.noise.high / b.noise.mean)
  const granted = expected * (Number.isFinite(beyond) ? beyond : 1)
  return {
    cosineDistance: lengths === 0 ? 0 : Math.max(0, 1 - dot(x, y) / lengths),
    overNoise:
      granted === 0
        ? squaredDistance(x, y) > 0
          ? Number.POSITIVE_INFINITY
          : 0
        : squaredDistance(x, y) / granted,
  }
}

type Numbers = Float32Array | Float64Array

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector))
  return length === 0 ? vector : vector.map((value) => value / length)
}
function meanOf(vectors: readonly Numbers[]): Float64Array {
  const sum = new Float64Array(vectors[0]!.length)
  for (const vector of vectors) for (let at = 0; at < sum.length; at++) sum[at]! += vector[at]!
  return sum.map((value) => value / vectors.length)
}
function dot(a: Numbers, b: Numbers): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!
  return sum
}
function squaredDistance(a: Numbers, b: Numbers): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at]! - b[at]!) ** 2
  return sum
}
