/** @file Snapshots of a catalogue and of a day's events, a few KB each, and what is said of two of them. */
import { z } from 'zod'

export const DRIFT_KEY = 'quality/drift.json'
/** Snapshots that are kept, one a day. */
export const SNAPSHOTS_MAX = 31

const count = z.number().nonnegative()

/** Counts by name, most first, and how many had other names. */
export const Mix = z.object({ counts: z.array(z.tuple([z.string(), count])), other: count })
export type Mix = z.infer<typeof Mix>

export const VectorSummary = z.object({
  modelId: z.string(),
  count: z.int(),
  /** Mean of the unit vectors. */
  mean: z.array(z.number()),
  /** Squared distance by which chance moves the mean: expected, and the highest of the resamples. */
  noise: z.object({ mean: z.number(), high: z.number() }),
})
export type VectorSummary = z.infer<typeof VectorSummary>

export const FeedSnapshot = z.object({
  kind: z.literal('feed'),
  takenAt: z.iso.datetime(),
  rows: z.int(),
  /** Cells of a logarithmic grid, see `shared/quality/drift/histogram.ts`. */
  numbers: z.record(z.string(), Mix),
  mixes: z.record(z.string(), Mix),
  vectors: VectorSummary.nullable(),
})
export type FeedSnapshot = z.infer<typeof FeedSnapshot>

export const DaySnapshot = z.object({
  kind: z.literal('day'),
  takenAt: z.iso.datetime(),
  /** UTC, YYYY-MM-DD. */
  date: z.string(),
  /** Events of people by kind. */
  kinds: Mix,
  /** Folded queries with their shoppers; those of too few shoppers are among the others. */
  queries: Mix,
})
export type DaySnapshot = z.infer<typeof DaySnapshot>

export const DriftReading = z.object({
  /** What was compared: "price", "category", "queries", "embeddings" … */
  field: z.string(),
  measure: z.enum(['stability-index', 'jensen-shannon', 'new-queries', 'centroid-shift']),
  value: z.number(),
  /** From here on `watch`, and `alert`: the customary limits, or what chance alone may bring, whichever is larger. */
  limits: z.object({ watch: z.number(), alert: z.number() }),
  level: z.enum(['steady', 'watch', 'alert']),
  /** One plain sentence. */
  reason: z.string(),
})
export type DriftReading = z.infer<typeof DriftReading>

export const Drift = z.object({
  /** Times of the snapshots that were compared. */
  before: z.iso.datetime(),
  after: z.iso.datetime(),
  /** Gravest first. */
  readings: z.array(DriftReading),
})
export type Drift = z.infer<typeof Drift>

export const DriftFile = z.object({
  /** Oldest first, one a day. */
  feeds: z.array(FeedSnapshot).max(SNAPSHOTS_MAX),
  days: z.array(DaySnapshot).max(SNAPSHOTS_MAX),
  /** The newest against the one before; null while there is only one. */
  feed: Drift.nullable(),
  day: Drift.nullable(),
})
export type DriftFile = z.infer<typeof DriftFile>
