/** @file What crosses from the edge to the worker: queue messages and the batch blobs that they point at. */
import { z } from 'zod'
import { Item } from './item.ts'
import { RUN_KINDS } from './models.ts'

/** "These items changed: bring the index up to date." The rows are in R2 at `batchKey(batchId)`. */
export const IndexJob = z.object({ kind: z.literal('index'), batchId: z.string().min(1).max(64) })
export type IndexJob = z.infer<typeof IndexJob>

/** "There is a run to do": its record is in R2 at `runKey(runId)`. The record says what; the message only wakes a worker. */
export const RunJob = z.object({ kind: z.enum(RUN_KINDS), runId: z.string().min(1).max(64) })
export type RunJob = z.infer<typeof RunJob>

/** Every message of the jobs queue. A new kind of job is one more arm here and one file in `gpu-worker/jobs`. */
export const Job = z.discriminatedUnion('kind', [IndexJob, RunJob])
export type Job = z.infer<typeof Job>

/**
 * One line of a batch blob (NDJSON). `number` is the item's stable integer for life; `version` grows by one with each
 * accepted change, and the highest version of a number wins, in whatever order batches arrive. `item` is null when deleted.
 */
export const BatchRow = z.object({
  number: z.int().positive(),
  version: z.int().positive(),
  contentHash: z.string().length(32),
  /** First item with the same content, or null. Shown, not hidden. */
  duplicateOf: z.string().nullable(),
  item: Item.nullable(),
})
export type BatchRow = z.infer<typeof BatchRow>

/** Prefix of ids starting a batch; its rows as NDJSON. */
export const batchKey = (batchId: string): string => `batches/${batchId}.ndjson`
