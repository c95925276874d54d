/** @file A training run: the shop's data → a recipe in a thread of its own → the gate → a card in the registry. */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { assert } from '../../shared/lib/result.ts'
import type { BatchRow } from '../../shared/schema/jobs.ts'
import { cardKey, journalKey, type ModelCard, type Run } from '../../shared/schema/models.ts'
import type { BlobStore } from '../blob-store.ts'
import { createThreadedEncoder } from '../encode/threaded-encoder.ts'
import type { OfflineModel } from '../evaluation/offline-index.ts'
import type { IndexStore, Published } from '../indexing/index-store.ts'
import type { ModelStore } from '../jobs/model.ts'
import { type Checkpoint, checkpointFiles } from '../model/checkpoint.ts'
import type { Provider } from '../runtime/session.ts'
import { JOURNAL_FILE } from '../train/journal.ts'
import { parseRecipe, type Recipe } from '../train/recipe.ts'
import { compareModels } from './compare-models.ts'
import { readEventLog } from './event-log.ts'
import type { TrainReply, TrainTask } from './train-messages.ts'
import { splitByTime, trainingItems } from './training-data.ts'

/** The run cannot succeed, whoever does it; the message is for the person who asked. */
export class RunError extends Error {}
/** The worker was told to stop; the run goes on with the next one. */
export class RunStopped extends Error {}

type Deps = {
  blobs: BlobStore
  store: IndexStore
  models: ModelStore
  nowMs(): number
  /** Folder for states; a run has its own in it. */
  directory: string
  threads: number
  /** Where the steps of training are computed. */
  provider: Provider
}
type Options = { onProgress(progress: NonNullable<Run['progress']>): void; signal: AbortSignal }

const JOURNAL_BYTES_MAX = 20 * 2 ** 20

export async function trainModel(deps: Deps, run: Run, { onProgress, signal }: Options): Promise<ModelCard> {
  const { blobs, store, models, nowMs } = deps
  const request = run.request
  assert(request, 'a training run has its request')
  const recipe = recipeOf(request.recipe)
  const live = await store.load()
  if (!live) throw new RunError('There is no catalogue yet; import one first.')
  const rows = await sourceRows(store, live)
  const items = trainingItems(rows)
  const { training, test } = splitByTime(items, await readEventLog(blobs))

  const parentRef = request.base === undefined ? live.manifest.model : await refOf(blobs, request.base)
  const base = recipe.recipe === 'pretrain' ? null : await models.checkpoint(parentRef)
  const directory = join(deps.directory, run.id)
  await mkdir(directory, { recursive: true })
  const { trained, fingerprint } = await trainInThread(
    {
      recipe,
      data: training,
      base,
      directory,
      threads: deps.threads,
      provider: deps.provider,
      deadlineMs: Date.parse(run.startedAt!) + request.minutesMax * 60_000,
    },
    onProgress,
    signal,
  )
  await keepJournal(blobs, run.id, directory)

  onProgress({ stage: 'comparing with the live model', done: 0, total: 1 })
  const candidate = await openModel(trained.model, deps.threads)
  const liveModel = await openModel(await models.checkpoint(live.manifest.model), deps.threads)
  try {
    const catalogue = rows.flatMap(({ item }) => (item ? [item] : []))
    const comparison = await compareModels(catalogue, test, candidate, liveModel)
    const ref = await models.upload(trained.model)
    const card: ModelCard = {
      id: ref.id,
      createdAt: new Date(nowMs()).toISOString(),
      runId: run.id,
      parent: base ? parentRef.id : null,
      recipe,
      fingerprint,
      checksum: checksumOf(trained.model),
      metrics: trained.metrics,
      comparison,
      accepted: comparison.accepted,
      ref,
    }
    await blobs.put(cardKey(ref.id), new TextEncoder().encode(JSON.stringify(card)))
    return card
  } finally {
    await candidate.close()
    await liveModel.close()
  }
}

function recipeOf(given: string | Record<string, unknown>): Recipe {
  const parsed = parseRecipe(typeof given === 'string' ? { version: 1, recipe: given } : given)
  if (!parsed.ok) throw new RunError(`The recipe is not valid: ${parsed.error}.`)
  const recipe = parsed.value
  // The registry keeps what the edge runs, and the edge ranks without judging pairs.
  return recipe.recipe === 'search'
    ? { ...recipe, relevance: { ...recipe.relevance, when: 'never' } }
    : recipe
}

/** Newest live rows of the index, with their items whole. */
export async function sourceRows(store: IndexStore, { manifest, state }: Published): Promise<BatchRow[]> {
  const rows = new Map<number, BatchRow>()
  for (const ref of manifest.segments) {
    const source = await store.readSource(ref)
    if (!source)
      throw new RunError(
        'Part of the index was written by an older version of Aisle: import the catalogue again first.',
      )
    for (const row of source) if (row.version === state.versionOf(row.number)) rows.set(row.number, row)
  }
  return [...rows.values()].sort((a, b) => a.number - b.number)
}

async function refOf(blobs: BlobStore, modelId: string) {
  const card = await readCard(blobs, modelId)
  if (!card) throw new RunError(`There is no model "${modelId}".`)
  return card.ref
}
export async function readCard(blobs: BlobStore, modelId: string): Promise<ModelCard | null> {
  const object = await blobs.get(cardKey(modelId))
  return object ? (JSON.parse(new TextDecoder().decode(object.bytes)) as ModelCard) : null
}

function trainInThread(
  task: TrainTask,
  onProgress: Options['onProgress'],
  signal: AbortSignal,
): Promise<Extract<TrainReply, { kind: 'trained' }>> {
  const thread = new Worker(new URL('./train-thread.ts', import.meta.url), { workerData: task })
  const stop = () => thread.postMessage({ kind: 'stop' })
  signal.addEventListener('abort', stop)
  return new Promise<Extract<TrainReply, { kind: 'trained' }>>((resolve, reject) => {
    thread.on('message', (reply: TrainReply) => {
      if (reply.kind === 'trained') resolve(reply)
      else if (reply.kind === 'failed')
        reject(
          signal.aborted
            ? new RunStopped(reply.reason)
            : reply.isOurs
              ? new Error(reply.reason)
              : new RunError(reply.reason),
        )
      else {
        const { stage, step, steps, loss, metric, secondsLeft } = reply.line
        onProgress({ stage, done: step, total: steps, loss, metric, secondsLeft })
      }
    })
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`the training thread ended with code ${code}`)))
  }).finally(() => signal.removeEventListener('abort', stop))
}

async function openModel(
  checkpoint: Checkpoint,
  threads: number,
): Promise<OfflineModel & { close(): Promise<void> }> {
  const encoder = await createThreadedEncoder({ checkpoint, precision: 'int8', threads })
  return {
    dim: encoder.dim,
    trained: checkpoint.trained,
    ...(checkpoint.fusion ? { fusion: checkpoint.fusion } : {}),
    encode: (texts) => encoder.encode(texts),
    close: () => encoder.close(),
  }
}

async function keepJournal(blobs: BlobStore, runId: string, directory: string): Promise<void> {
  const bytes = await readFile(join(directory, JOURNAL_FILE))
  await blobs.put(journalKey(runId), new Uint8Array(bytes.subarray(-JOURNAL_BYTES_MAX)))
}

function checksumOf(checkpoint: Checkpoint): string {
  const file = checkpointFiles(checkpoint).find(({ name }) => name === 'model.safetensors')!
  return createHash('sha256').update(file.bytes).digest('hex')
}
