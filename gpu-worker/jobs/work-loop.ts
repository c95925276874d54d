/** @file Pull, work, settle: until told to stop, or with `drain` until the queue is empty. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Job } from '../../shared/schema/jobs.ts'
import type { JobQueue, Message } from '../queue.ts'
import type { IndexItems, Lease } from './index-items.ts'

/** Messages that one job takes at most: their rows are in memory together. */
const MESSAGES_MAX = 8
/** Share of the lease that a job plans to use; the rest is for a machine that turns out slower. */
const LEASE_SHARE = 0.4
/** Rows of a message, the API's bound per call. */
const ROWS_PER_MESSAGE = 1_000
/** First guess of texts per second, low, so that the first job is small. */
const RATE_GUESS = 60
const BACKOFF_BASE_SECONDS = 2
const BACKOFF_MAX_SECONDS = 300
const PULL_RETRY_MS_MAX = 30_000
/** Time before the end of the lease from which on nothing is published. */
const LEASE_MARGIN_MS = 1_000

export type Log = (event: string, facts?: Record<string, unknown>) => void
export type LoopDeps = {
  queue: JobQueue
  indexItems: IndexItems
  /** Work for idle moments; `stop()` turns true when a job has come. */
  whenIdle(stop: () => boolean): Promise<void>
  nowMs(): number
  log: Log
  onJobs?(count: number): void
  /** There are runs to do; they go on beside the loop. */
  onRuns?(runIds: readonly string[]): void
}
export type LoopOptions = { leaseMs: number; pollMs: number; drain: boolean; signal: AbortSignal }

export async function workLoop(
  deps: LoopDeps,
  { leaseMs, pollMs, drain, signal }: LoopOptions,
): Promise<void> {
  const { queue, log, nowMs } = deps
  let rate = RATE_GUESS
  let pullRetryMs = pollMs
  let idle: Promise<void> | null = null
  let jobCame = false

  while (!signal.aborted) {
    const max = Math.floor((leaseMs / 1_000) * LEASE_SHARE * (rate / ROWS_PER_MESSAGE))
    const leasedAt = nowMs()
    let messages: Message[]
    try {
      messages = await queue.pull(Math.max(1, Math.min(MESSAGES_MAX, max)), leaseMs)
      pullRetryMs = pollMs
    } catch (error) {
      log('pull-failed', { reason: String(error), retryMs: pullRetryMs })
      await sleep(pullRetryMs, undefined, { signal }).catch(() => {})
      pullRetryMs = Math.min(PULL_RETRY_MS_MAX, pullRetryMs * 2)
      continue
    }
    if (messages.length === 0) {
      if (drain) return
      jobCame = false
      idle ??= deps
        .whenIdle(() => jobCame || signal.aborted)
        .catch((error: unknown) => log('idle-work-failed', { reason: String(error) }))
        .finally(() => {
          idle = null
        })
      await sleep(pollMs, undefined, { signal }).catch(() => {})
      continue
    }
    jobCame = true
    await idle // one encoder: idle work ends at its next look
    const lease: Lease = { expired: () => nowMs() > leasedAt + leaseMs - LEASE_MARGIN_MS }
    const { encoded, seconds } = await settleAll(deps, messages, lease)
    if (encoded > 200) rate = encoded / Math.max(0.001, seconds)
  }
  await idle
}

/** Work on all messages together; when that fails, one by one, so that a bad one does not take the others with it. */
async function settleAll(
  deps: LoopDeps,
  messages: Message[],
  lease: Lease,
): Promise<{ encoded: number; seconds: number }> {
  const startedAt = deps.nowMs()
  const jobs = messages.map((message) => ({ message, job: Job.safeParse(message.body) }))
  const good = jobs.flatMap(({ message, job }) =>
    job.success && job.data.kind === 'index' ? [{ message, batchId: job.data.batchId }] : [],
  )
  // A run has a record of its own that says how far it is; its message has done its work when a worker is awake.
  const runs = jobs.flatMap(({ message, job }) =>
    job.success && job.data.kind !== 'index' ? [{ message, runId: job.data.runId }] : [],
  )
  if (runs.length > 0) deps.onRuns?.(runs.map(({ runId }) => runId))
  // A message that is no job will not become one: back without a delay, until the queue gives it to the dead letters.
  const bad = jobs.filter(({ job }) => !job.success)
  for (const { message, job } of bad) deps.log('not-a-job', { id: message.id, reason: job.error?.message })
  await deps.queue.settle({
    done: runs.map(({ message }) => message.leaseId),
    again: bad.map(({ message }) => ({ leaseId: message.leaseId, delaySeconds: 0 })),
  })

  let encoded = 0
  const run = async (group: typeof good): Promise<unknown> => {
    try {
      const outcome = await deps.indexItems.run([...new Set(group.map(({ batchId }) => batchId))], lease)
      encoded += outcome.encoded
      await deps.queue.settle({ done: group.map(({ message }) => message.leaseId), again: [] })
      deps.onJobs?.(group.length)
      return null
    } catch (error) {
      return error
    }
  }
  const failure = good.length > 0 ? await run(good) : null
  if (failure) {
    for (const one of good) {
      const reason = good.length > 1 && !lease.expired() ? await run([one]) : failure
      if (!reason) continue
      const delaySeconds = Math.min(BACKOFF_MAX_SECONDS, BACKOFF_BASE_SECONDS ** one.message.attempts)
      deps.log('job-failed', {
        batchId: one.batchId,
        attempts: one.message.attempts,
        delaySeconds,
        reason: String(reason),
      })
      await deps.queue.settle({ done: [], again: [{ leaseId: one.message.leaseId, delaySeconds }] })
    }
  }
  return { encoded, seconds: (deps.nowMs() - startedAt) / 1_000 }
}
