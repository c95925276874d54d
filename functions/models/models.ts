/** @file Models and the runs that make or switch them. The edge asks and shows; a worker does. */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import type { RankerRef } from '../../shared/schema/manifest.ts'
import {
  CARDS_PREFIX,
  cardKey,
  journalKey,
  ModelCard,
  QUALITY_RUN_ID,
  RUNS_PREFIX,
  Run,
  rankerKey,
  runKey,
  type TrainRequest,
} from '../../shared/schema/models.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import { REFUSED_KEY, type Refused } from '../../shared/schema/quality-report.ts'
import type { QueueSender } from '../queue-sender.ts'

type Bucket = Pick<R2Bucket, 'get' | 'put' | 'list'>
type Deps = { bucket: Bucket; queue: QueueSender; clock(): number; newRunId(): string }
export type Models = ReturnType<typeof createModels>

/** Newest first; older ones stay in the bucket. */
const SHOWN_MAX = 100
/** A report that is not there after this time was lost on the way. */
const REPORT_MS_MAX = 3_600_000

export function createModels({ bucket, queue, clock, newRunId }: Deps) {
  const readJson = async (key: string): Promise<unknown> => (await bucket.get(key))?.json() ?? null
  const readAll = async (prefix: string, suffix: string): Promise<unknown[]> => {
    const keys: string[] = []
    let cursor: string | undefined
    do {
      const page = await bucket.list({ prefix, ...(cursor ? { cursor } : {}) })
      keys.push(...page.objects.map(({ key }) => key).filter((key) => key.endsWith(suffix)))
      cursor = page.truncated ? page.cursor : undefined
    } while (cursor)
    return Promise.all(keys.slice(-SHOWN_MAX).map(readJson))
  }
  const valid = <T>(parsed: { success: true; data: T } | { success: false }): T[] =>
    parsed.success ? [parsed.data] : []

  /** The record first, then the word to the worker: a run without a message is found by the worker's next look. */
  const begin = async (run: Run): Promise<Result<Run, Problem>> => {
    await bucket.put(runKey(run.id), JSON.stringify(run))
    const sent = await queue.send('jobs', [{ kind: run.kind, runId: run.id }])
    if (!sent.ok) return err({ kind: 'upstream-failed', upstream: 'the queue', reason: sent.error.reason })
    return ok(run)
  }
  const newRun = (kind: Run['kind']): Run => ({
    id: newRunId(),
    kind,
    state: 'queued',
    requestedAt: new Date(clock()).toISOString(),
    attempts: 0,
  })

  return {
    /** Newest first. */
    async list(): Promise<ModelCard[]> {
      const cards = (await readAll(CARDS_PREFIX, '.json')).flatMap((json) => valid(ModelCard.safeParse(json)))
      return cards.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
    },
    async find(modelId: string): Promise<ModelCard | null> {
      return valid(ModelCard.safeParse(await readJson(cardKey(modelId))))[0] ?? null
    },
    async runs(): Promise<Run[]> {
      const runs = (await readAll(RUNS_PREFIX, '/run.json')).flatMap((json) => valid(Run.safeParse(json)))
      return runs.sort((a, b) => (a.requestedAt < b.requestedAt ? 1 : -1))
    },
    async findRun(runId: string): Promise<Run | null> {
      return valid(Run.safeParse(await readJson(runKey(runId))))[0] ?? null
    },
    /** Lines of JSON: losses, rates and metrics by step. Null before the run has written any. */
    async curves(runId: string): Promise<ReadableStream | null> {
      return (await bucket.get(journalKey(runId)))?.body ?? null
    },
    train: (request: TrainRequest): Promise<Result<Run, Problem>> => begin({ ...newRun('train'), request }),

    /** An order that waits, or is being worked on, is not given twice. */
    async reportQuality(refused: Refused): Promise<Result<Run, Problem>> {
      const open = await this.findRun(QUALITY_RUN_ID)
      if (
        open &&
        (open.state === 'queued' || open.state === 'running') &&
        clock() - Date.parse(open.requestedAt) < REPORT_MS_MAX
      )
        return ok(open)
      await bucket.put(REFUSED_KEY, JSON.stringify(refused))
      return begin({ ...newRun('quality'), id: QUALITY_RUN_ID })
    },

    /** A refused model is switched to only with `force`. */
    async activate(modelId: string, force: boolean): Promise<Result<Run, Problem>> {
      const card = await this.find(modelId)
      if (!card) return err({ kind: 'not-found', what: `model "${modelId}"` })
      if (!card.accepted && !force)
        return err({
          kind: 'conflict',
          detail: `The model was refused by its gate. ${card.comparison?.reason ?? ''} Send {"force": true} to use it all the same.`,
        })
      return begin({ ...newRun('activate'), modelId, force })
    },

    /** The worker tries the ranker before any shopper meets it. */
    async useRanker(model: Uint8Array<ArrayBuffer>, features: string[]): Promise<Result<Run, Problem>> {
      const sha256 = await sha256Hex(model)
      const ranker: RankerRef = { key: rankerKey(sha256), bytes: model.length, sha256, features }
      await bucket.put(ranker.key, model)
      return begin({ ...newRun('use-ranker'), ranker })
    },
    /** Back to the weights set by hand. */
    dropRanker: (): Promise<Result<Run, Problem>> => begin({ ...newRun('use-ranker'), ranker: null }),
  }
}
