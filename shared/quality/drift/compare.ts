/** @file Two snapshots compared: each field with its measure, its limits and a sentence. */
import type {
  DaySnapshot,
  Drift,
  DriftReading,
  FeedSnapshot,
  Mix,
  VectorSummary,
} from '../../schema/drift.ts'
import { chanceOfJensenShannon, chanceOfStabilityIndex, jensenShannon, stabilityIndex } from './divergence.ts'
import { alignHistograms } from './histogram.ts'
import { alignMixes, type Bins, mostChanged, totalOf } from './mix.ts'
import { centroidShift } from './vectors.ts'

/** By custom of the index; an eighth of them is the same divergence in Jensen and Shannon's measure, here in bits. */
const STABILITY = { watch: 0.1, alert: 0.25 }
const JENSEN_SHANNON = { watch: 0.1 / (8 * Math.LN2), alert: 0.25 / (8 * Math.LN2) }
/** Share of the searches for frequent queries whose query the day before hardly knew. */
const NEW_QUERIES = { watch: 0.1, alert: 0.25 }
/** 1 − cosine of centroids. Less is no matter, however surely it is no chance: 0.01 is an angle of 8 degrees. */
const CENTROID = { watch: 0.01, alert: 0.05 }
/** A query is new when the day before should have had so many shoppers for it, and did not name it (fewer than 3): p < 0.001. */
const EXPECTED_MIN = 12
/** Smaller snapshots are not compared: the limits of chance are of large counts. */
const ROWS_MIN = 50

const GRAVITY = { alert: 0, watch: 1, steady: 2 } as const

export function compareFeeds(before: FeedSnapshot, after: FeedSnapshot): Drift {
  const numbers = namesOf(before.numbers, after.numbers).map((field) =>
    readStability(field, alignHistograms(before.numbers[field]!, after.numbers[field]!)),
  )
  const mixes = namesOf(before.mixes, after.mixes).map((field) =>
    readStability(field, alignMixes(before.mixes[field]!, after.mixes[field]!)),
  )
  return driftOf(before, after, [...numbers, ...mixes, readVectors(before.vectors, after.vectors)])
}

export function compareDays(before: DaySnapshot, after: DaySnapshot): Drift {
  return driftOf(before, after, [
    readStability('event kinds', alignMixes(before.kinds, after.kinds)),
    readQueries(before.queries, after.queries),
    readNewQueries(before.queries, after.queries),
  ])
}

const namesOf = (a: Record<string, Mix>, b: Record<string, Mix>) => Object.keys(a).filter((name) => name in b)

const driftOf = (
  before: { takenAt: string },
  after: { takenAt: string },
  readings: readonly (DriftReading | null)[],
): Drift => ({
  ...{ before: before.takenAt, after: after.takenAt },
  readings: readings
    .filter((reading) => reading !== null)
    .sort(
      (a, b) => GRAVITY[a.level] - GRAVITY[b.level] || b.value / b.limits.watch - a.value / a.limits.watch,
    ),
})

function readStability(field: string, bins: Bins): DriftReading | null {
  const [n, m] = [sum(bins.a), sum(bins.b)]
  if (n < ROWS_MIN || m < ROWS_MIN || bins.names.length < 2) return null
  const value = stabilityIndex(bins.a, bins.b)
  const limits = atLeast(STABILITY, chanceOfStabilityIndex(bins.names.length, n, m))
  return reading({ field, measure: 'stability-index', value, limits }, `most of all ${mostChanged(bins)}`)
}

function readQueries(before: Mix, after: Mix): DriftReading | null {
  const bins = alignMixes(before, after)
  const [n, m] = [sum(bins.a), sum(bins.b)]
  if (n < ROWS_MIN || m < ROWS_MIN || bins.names.length < 2) return null
  const value = jensenShannon(bins.a, bins.b)
  const limits = atLeast(JENSEN_SHANNON, chanceOfJensenShannon(bins.names.length, n, m))
  return reading(
    { field: 'queries', measure: 'jensen-shannon', value, limits },
    `most of all ${mostChanged(bins)}`,
  )
}

function readNewQueries(before: Mix, after: Mix): DriftReading | null {
  const scale = totalOf(before) / Math.max(1, totalOf(after))
  const least = before.other > 0 ? (before.counts.at(-1)?.[1] ?? 0) : 0
  const known = new Set(before.counts.map(([name]) => name))
  // Only those that the day before must have had among its named ones, had people wanted them as much.
  const judged = after.counts.filter(([, count]) => count * scale >= Math.max(EXPECTED_MIN, 2 * least))
  const searches = judged.reduce((total, [, count]) => total + count, 0)
  if (totalOf(before) < ROWS_MIN || searches < ROWS_MIN) return null
  const fresh = judged.filter(([name]) => !known.has(name))
  const value = fresh.reduce((total, [, count]) => total + count, 0) / searches
  const names = fresh.slice(0, 5).map(([name]) => `"${name}"`)
  return reading(
    { field: 'queries', measure: 'new-queries', value, limits: NEW_QUERIES },
    names.length > 0 ? `new are ${names.join(', ')}` : 'none is new',
  )
}

function readVectors(before: VectorSummary | null, after: VectorSummary | null): DriftReading | null {
  if (!before || !after || before.count < ROWS_MIN || after.count < ROWS_MIN) return null
  const shift = centroidShift(before, after)
  if (!shift) return null
  const { cosineDistance: value, overNoise } = shift
  // What is within its noise is steady, whatever the distance.
  const limits = overNoise > 1 ? CENTROID : atLeast(CENTROID, value * 1.001)
  return reading(
    { field: 'embeddings', measure: 'centroid-shift', value, limits },
    `the centre of the catalogue moved by ${overNoise.toFixed(1)} times what chance is granted`,
  )
}

const atLeast = ({ watch, alert }: DriftReading['limits'], chance: number) => ({
  watch: Math.max(watch, chance),
  alert: Math.max(alert, chance),
})

function reading(read: Omit<DriftReading, 'level' | 'reason'>, detail: string): DriftReading {
  const { value, limits } = read
  const level = value >= limits.alert ? 'alert' : value >= limits.watch ? 'watch' : 'steady'
  const limit = level === 'alert' ? limits.alert : limits.watch
  const verdict =
    level === 'steady'
      ? `below ${limit.toFixed(3)}, where it would be worth a look`
      : `at or above ${limit.toFixed(3)}`
  return { ...read, level, reason: `${value.toFixed(3)} is ${verdict}; ${detail}.` }
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
