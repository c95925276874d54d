/** @file The thread in which a model is trained, so that the worker goes on with its jobs. Started by `train-model.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../shared/lib/result.ts'
import { DataError } from '../train/examples.ts'
import { createJournal } from '../train/journal.ts'
import { fingerprintOf, runRecipe } from '../train/recipes/run-recipe.ts'
import { StageStopped } from '../train/run-stage.ts'
import { StateError } from '../train/trainer.ts'
import type { TrainOrder, TrainReply, TrainTask } from './train-messages.ts'

assert(parentPort, 'runs as a worker thread')
const port = parentPort
const { recipe, data, base, directory, threads, provider, deadlineMs } = workerData as TrainTask
const stop = new AbortController()
const reply = (message: TrainReply) => port.postMessage(message)
port.on('message', ({ kind }: TrainOrder) => kind === 'stop' && stop.abort())

const PROGRESS_MS = 1_000
let saidMs = 0
const journal = createJournal({
  directory,
  nowMs: () => Date.now(),
  onProgress(line) {
    const nowMs = performance.now()
    if (nowMs - saidMs < PROGRESS_MS && line.step !== line.steps) return
    saidMs = nowMs
    reply({ kind: 'progress', line })
  },
})
try {
  const options = { base, directory, threads, provider, journal, signal: stop.signal, deadlineMs }
  const trained = await runRecipe(recipe, data, options)
  reply({ kind: 'trained', trained, fingerprint: fingerprintOf(recipe, data) })
} catch (error) {
  const isTheirs =
    error instanceof DataError ||
    error instanceof StateError ||
    (error instanceof StageStopped && error.reason === 'not-finite')
  reply({ kind: 'failed', reason: error instanceof Error ? error.message : String(error), isOurs: !isTheirs })
}
port.close()
