/** @file How the numbers of a tensor are spread, small enough to be written down at every validation. */
import { type Parameter, type ParameterLayout, viewOf } from './parameters.ts'

export type Histogram = {
  min: number
  max: number
  count: number
  sum: number
  sumSquares: number
  /** Counts in ranges of equal width from `min` to `max`; a range has its lower end, the last one both. */
  buckets: number[]
}

const BUCKETS = 30
/** Tensors looked at, of maybe hundreds. */
const WATCHED_MAX = 8

/** @param values not empty, all finite */
export function histogramOf(values: Float32Array): Histogram {
  let [min, max, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0]
  for (const value of values) {
    min = Math.min(min, value)
    max = Math.max(max, value)
    sum += value
    sumSquares += value * value
  }
  const buckets = new Array<number>(BUCKETS).fill(0)
  const perUnit = max > min ? BUCKETS / (max - min) : 0
  for (const value of values) buckets[Math.min(BUCKETS - 1, Math.floor((value - min) * perUnit))]!++
  return { min, max, count: values.length, sum, sumSquares, buckets }
}

/** Weights spread evenly over the network, the first and the last among them; no biases and no norms. */
export function watchedParameters({ parameters }: ParameterLayout): Parameter[] {
  const weights = parameters.filter(({ decays }) => decays)
  const count = Math.min(WATCHED_MAX, weights.length)
  return Array.from({ length: count }, (_, at) => {
    const place = Math.round((at * (weights.length - 1)) / Math.max(1, count - 1))
    return weights[place]!
  })
}

export const histogramsOf = (
  parameters: readonly Parameter[],
  vector: Float32Array,
): Record<string, Histogram> =>
  Object.fromEntries(parameters.map((one) => [one.name, histogramOf(viewOf(vector, one))]))
