/** @file Does runs, one at a time, beside the work loop: claims, keeps the record alive, and writes how it ended. */
import type { Run } from '../../shared/schema/models.ts'
import type { BlobStore } from '../blob-store.ts'
import type { IndexStore } from '../indexing/index-store.ts'
import type { ModelStore } from '../jobs/model.ts'
import type { Log } from '../jobs/work-loop.ts'
import { reportQuality } from '../quality/report-quality.ts'
import type { Provider } from '../runtime/session.ts'
import type { VectorSink } from '../vector-sink.ts'
import { ActivationError, activateModel } from './activate-model.ts'
import type { RunStore } from './run-store.ts'
import { RunError, RunStopped, readCard, trainModel } from './train-model.ts'
import { useRanker } from './use-ranker.ts'

export type Runner = {
  /** See whether there is a run to do; several calls are one. */
  wake(): void
  /** Ends when no run is open and none is going on. */
  idle(): Promise<void>
  /** Tells the run that is going on to stop at its next step, and waits for it. */
  stop(): Promise<void>
}
type Deps = {
  blobs: BlobStore
  store: IndexStore
  models: ModelStore
  runs: RunStore
  nowMs(): number
  sink?: VectorSink
  log: Log
  /** Folder for the states of training runs. */
  directory: string
  threads: number
  /** Where the steps of training are computed. */
  provider: Provider
}

const HEARTBEAT_MS = 3_000

export function createRunner(deps: Deps): Runner {
  const { runs, log } = deps
  const stopping = new AbortController()
  let going: Promise<void> | null = null
  let isWoken = false

  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      isWoken = false
      const run = await runs.claim()
      if (run) await perform(run)
      else if (!isWoken) return
    }
  }
  const perform = async (run: Run): Promise<void> => {
    log('run-started', { runId: run.id, kind: run.kind, attempt: run.attempts })
    let progress = run.progress
    const beat = setInterval(() => {
      runs
        .update(run.id, progress ? { progress } : {})
        .catch((error: unknown) => log('run-heartbeat-failed', { runId: run.id, reason: String(error) }))
    }, HEARTBEAT_MS)
    try {
      const end = await outcomeOf(deps, run, stopping.signal, (next) => {
        progress = next
      })
      clearInterval(beat)
      await runs.update(run.id, { ...end, endedAt: new Date(deps.nowMs()).toISOString() })
      log('run-ended', { runId: run.id, state: end.state, modelId: end.modelId })
    } catch (error) {
      clearInterval(beat)
      if (error instanceof RunStopped || stopping.signal.aborted) {
        // Back in the queue for the next worker; the attempt was not its fault.
        await runs.update(run.id, { state: 'queued', attempts: run.attempts - 1 })
        return
      }
      const isFinal = error instanceof RunError || error instanceof ActivationError
      const reason = error instanceof Error ? error.message : String(error)
      log('run-failed', { runId: run.id, reason, isFinal })
      const ended = { state: 'failed' as const, error: reason, endedAt: new Date(deps.nowMs()).toISOString() }
      await runs.update(run.id, isFinal ? ended : { state: 'queued', error: reason })
    }
  }
  const start = () => {
    going ??= work()
      .catch((error: unknown) => log('runs-failed', { reason: String(error) }))
      .finally(() => {
        going = null
        if (isWoken && !stopping.signal.aborted) start()
      })
  }
  return {
    wake() {
      isWoken = true
      start()
    },
    async idle() {
      while (going) await going
    },
    async stop() {
      stopping.abort()
      await going
    },
  }
}

async function outcomeOf(
  deps: Deps,
  run: Run,
  signal: AbortSignal,
  onProgress: (progress: NonNullable<Run['progress']>) => void,
): Promise<Partial<Run> & Pick<Run, 'state'>> {
  if (run.kind === 'use-ranker') {
    await useRanker(deps, run.ranker ?? null)
    return { state: 'done' }
  }
  if (run.kind === 'activate') {
    await switchTo(deps, run.modelId!, run.force ?? false, signal, onProgress)
    return { state: 'done' }
  }
  if (run.kind === 'quality') {
    await reportQuality(deps, { onProgress, signal })
    return { state: 'done' }
  }
  const { id, comparison, accepted } = await trainModel(deps, run, { onProgress, signal })
  const made = { modelId: id, ...(comparison ? { comparison } : {}) }
  if (!accepted) return { ...made, state: 'refused', error: comparison!.reason }
  if (run.request?.activate) await switchTo(deps, id, false, signal, onProgress)
  return { ...made, state: 'done' }
}

async function switchTo(
  deps: Deps,
  modelId: string,
  force: boolean,
  signal: AbortSignal,
  onProgress: (progress: NonNullable<Run['progress']>) => void,
): Promise<void> {
  const card = await readCard(deps.blobs, modelId)
  if (!card) throw new RunError(`There is no model "${modelId}".`)
  if (!card.accepted && !force)
    throw new RunError(
      `The model was refused: ${card.comparison?.reason ?? ''} Activate it with force to use it all the same.`,
    )
  const model = await deps.models.openBeside(card.ref)
  try {
    await activateModel(deps, model, {
      onProgress: async (done, total) => onProgress({ stage: 'encoding the catalogue', done, total }),
      shouldStop: () => signal.aborted,
    })
  } finally {
    await model.close()
  }
}
