/** @file How sure a mean over queries is. */
import { createRandom } from '../lib/random.ts'

export type Interval = { mean: number; low: number; high: number }

const SAMPLES = 1_000
const LEVEL = 0.95

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** 95 % percentile interval of the mean; the same seed gives the same one. Source: Efron and Tibshirani 1993, ch. 13. */
export function bootstrapMean(values: readonly number[], seed = 1): Interval {
  const means = resampledMeans(values, seed)
  const at = (share: number) => means[Math.min(SAMPLES - 1, Math.floor(share * SAMPLES))] ?? 0
  return { mean: mean(values), low: at((1 - LEVEL) / 2), high: at(1 - (1 - LEVEL) / 2) }
}

/**
 * Of two systems on the same queries: a − b with its interval, and the share of resamples in which the sign is the other
 * one, twice (a two-sided p). Source: Sakai, SIGIR 2006.
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  seed = 1,
): Interval & { p: number } {
  const differences = a.map((value, at) => value - b[at]!)
  const interval = bootstrapMean(differences, seed)
  const sign = Math.sign(interval.mean)
  const against = resampledMeans(differences, seed).filter((one) => Math.sign(one) !== sign).length
  return { ...interval, p: sign === 0 ? 1 : Math.min(1, (2 * against) / SAMPLES) }
}

function resampledMeans(values: readonly number[], seed: number): Float64Array {
  const random = createRandom(seed)
  const means = new Float64Array(SAMPLES)
  for (let sample = 0; sample < SAMPLES; sample++) {
    let sum = 0
    for (let i = 0; i < values.length; i++) sum += values[Math.floor(random() * values.length)]!
    means[sample] = sum / Math.max(1, values.length)
  }
  return means.sort()
}
