/**
 * @file Models of a shop and the runs that make or switch them, or report on its data: records in the bucket, written by one
 * side, read by the other.
 */
import { z } from 'zod'
import { ModelRef, RankerRef } from './manifest.ts'

const id = z.string().min(1).max(64)

/** What a person asks for. A run is one recipe on the shop's own catalogue and events. */
export const TrainRequest = z.strictObject({
  /** A recipe by name, or whole; checked by the worker, which knows them. */
  recipe: z.union([z.string().min(1).max(64), z.record(z.string(), z.unknown())]).default('search'),
  /** Model to start from; absent takes the live one. */
  base: id.optional(),
  /** Minutes after which the best so far is taken. */
  minutesMax: z.number().positive().max(1_440).default(60),
  /** Switch to the model when it passes its gate. */
  activate: z.boolean().default(false),
})
export type TrainRequest = z.infer<typeof TrainRequest>

/** One number with its 95 % interval. */
const Figure = z.object({ mean: z.number(), low: z.number(), high: z.number() })
/** The candidate against the live model on the same held-out queries. */
export const Comparison = z.object({
  metric: z.string(),
  queries: z.int(),
  candidate: Figure,
  live: Figure,
  difference: Figure.extend({ p: z.number() }),
  accepted: z.boolean(),
  /** Why, in a sentence. */
  reason: z.string(),
})
export type Comparison = z.infer<typeof Comparison>

export const RUN_KINDS = ['train', 'activate', 'quality', 'use-ranker'] as const
export const RUN_STATES = ['queued', 'running', 'done', 'refused', 'failed'] as const
export const Run = z.object({
  id,
  kind: z.enum(RUN_KINDS),
  state: z.enum(RUN_STATES),
  requestedAt: z.iso.datetime(),
  /** For `train`. */
  request: TrainRequest.optional(),
  /** Model that the run switches to, or that it made. */
  modelId: z.string().optional(),
  /** For `activate`: also a model that its gate refused. */
  force: z.boolean().optional(),
  /** For `use-ranker`; null goes back to the weights set by hand. */
  ranker: RankerRef.nullable().optional(),
  startedAt: z.iso.datetime().optional(),
  /** Written now and then while a worker is at it; a run whose worker died is taken over by another. */
  heartbeatAt: z.iso.datetime().optional(),
  endedAt: z.iso.datetime().optional(),
  attempts: z.int().default(0),
  progress: z
    .object({
      stage: z.string(),
      done: z.number(),
      total: z.number(),
      loss: z.number().optional(),
      metric: z.object({ name: z.string(), value: z.number(), best: z.number() }).nullable().optional(),
      secondsLeft: z.number().optional(),
    })
    .optional(),
  comparison: Comparison.optional(),
  error: z.string().optional(),
})
export type Run = z.infer<typeof Run>

/** The registry row of a model. */
export const ModelCard = z.object({
  id: z.string().min(1),
  createdAt: z.iso.datetime(),
  /** Run that made it; null for the first model of a shop. */
  runId: z.string().nullable(),
  /** Model that it was tuned from. */
  parent: z.string().nullable(),
  recipe: z.unknown(),
  /** SHA-256 of recipe and data. */
  fingerprint: z.string(),
  /** SHA-256 of model.safetensors. */
  checksum: z.string().length(64),
  metrics: z.record(z.string(), z.number()),
  comparison: Comparison.nullable(),
  /** False when its gate refused it. */
  accepted: z.boolean(),
  ref: ModelRef,
})
export type ModelCard = z.infer<typeof ModelCard>

export const RUNS_PREFIX = 'runs/'
/** The one run that reports on the data: an order while it waits or goes on is the same order. */
export const QUALITY_RUN_ID = 'quality'
export const runKey = (runId: string): string => `${RUNS_PREFIX}${runId}/run.json`
/** Curves of a training run, a line of JSON for each event. */
export const journalKey = (runId: string): string => `${RUNS_PREFIX}${runId}/journal.ndjson`
export const CARDS_PREFIX = 'cards/'
export const cardKey = (modelId: string): string => `${CARDS_PREFIX}${modelId}.json`
/** Named by its content. */
export const rankerKey = (sha256: string): string => `models/rankers/${sha256}.onnx`
/** The segments that a model last served: their vectors are taken over when it comes back. */
export const lastIndexKey = (modelId: string): string => `models/${modelId}/last-index.json`
