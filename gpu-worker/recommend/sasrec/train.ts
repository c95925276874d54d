/** @file From histories, and texts' vectors where there are some, to a model of the next item. */
import { createRandom } from '../../../shared/lib/random.ts'
import { assert } from '../../../shared/lib/result.ts'
import type { CheckpointTensor } from '../../model/safetensors.ts'
import { sasrecSpecs } from '../../model/sasrec.ts'
import { initialValues } from '../../model/seeded.ts'
import { ADAMW_DEFAULTS } from '../../train/adamw.ts'
import { createCpuPlan } from '../../train/cpu-plan.ts'
import { layOut } from '../../train/parameters.ts'
import { train } from '../../train/trainer.ts'
import type { Sequences } from '../next-item.ts'
import { type OpenSasrec, type SavedSasrec, saveSasrec } from './files.ts'
import { ITEM_IDS, ITEM_TEXTS, itemTableSpecs, TEXT_PROJECTION } from './item-table.ts'
import { shorteningOf } from './new-items.ts'
import { createNextItemTask } from './next-item-task.ts'
import { emitNextItem } from './objective.ts'
import { planPacking } from './packing.ts'
import { createSampler } from './sampler.ts'
import { openScorer } from './score.ts'
import { SasrecSettings } from './settings.ts'
import { type Vectors, whiten } from './vectors.ts'

/** v̂ over 50 steps: rows of rare items get a gradient now and then only. */
const BETA_2 = 0.98
const CLIP_NORM = 5
/** Histories by which new items get their room. */
const NEW_ITEMS_HISTORIES = 2_000
/** Share of the steps in which the rate grows. */
const WARM_UP = 0.02
/** Steps that are timed where there is a limit, so that the rate is down to zero when the time is over. */
const PROBE_STEPS = 24
/** Of the time left, what the steps may take by the probe. */
const PROBE_TRUST = 0.85

export type SasrecProgress = { step: number; steps: number; loss: number }
export type TrainSasrecOptions = {
  /** A vector of each item's text, in the order of the items; absent where items have no texts. */
  itemVectors?: Vectors
  settings?: Partial<SasrecSettings>
  seed: number
  /** Longest time. Where the epochs would take longer there are fewer: what a clock decides is not repeatable. Default: no end. */
  minutes?: number
  /** Threads, the calling one included. Default 1. */
  threads?: number
  onProgress?(progress: SasrecProgress): void
  signal?: AbortSignal
}
export type TrainedSasrec = OpenSasrec & { save(directory: string): Promise<void> }

export async function trainSasrec(
  { itemCount, sequences }: Sequences,
  options: TrainSasrecOptions,
): Promise<TrainedSasrec> {
  const settings = SasrecSettings.parse(options.settings ?? {})
  const { seed, threads = 1, itemVectors } = options
  const { hidden, layers, heads, inner, positions, temperature, rows, rowLength } = settings
  const transformer = { hidden, layers, heads, inner, positions }

  // Items without events are no negatives: they would learn that nobody wants them.
  const known = knownItems(itemCount, sequences)
  const histories = sequences
    .map((items) => items.subarray(-(positions + 1)).map((item) => known.numberOf[item]!))
    .filter(({ length }) => length >= 2)
  assert(histories.length > 0, 'there are histories of two items or more')
  const texts = itemVectors && itemVectors.size > 0 ? whiten(itemVectors) : null
  assert(!texts || texts.data.length === itemCount * texts.size, 'every item has a vector')
  const table = { items: known.items.length, hidden, textSize: texts?.size ?? 0 }
  const isFull = table.items <= settings.fullSoftmaxItemsMax
  const sampledItems = isFull ? null : settings.sampledItems

  const random = createRandom(seed)
  const initial = new Map<string, CheckpointTensor>()
  for (const { name, shape, initial: kind } of [...itemTableSpecs(table), ...sasrecSpecs(transformer)]) {
    const count = shape.reduce((product, dim) => product * dim, 1)
    initial.set(name, { shape, data: initialValues(kind, count, random) })
  }
  const frozen = new Map<string, CheckpointTensor>()
  if (texts) frozen.set(ITEM_TEXTS, { shape: [table.items, texts.size], data: rowsOf(texts, known.items) })
  const layout = layOut([...initial].map(([name, { shape }]) => [name, shape]))
  const lengths = histories.map(({ length }) => length - 1)
  const sample = isFull ? null : createSampler(histories, table.items, settings.sampledItems)

  /** @param steps of `epochs`, from the first; default all of them */
  const run = async (epochs: number, { steps, deadlineMs, onStep }: RunOptions) => {
    const packing = planPacking(lengths, { rows, rowLength, seed, epochs })
    const plan = createCpuPlan(null, layout, {
      frozen,
      tuning: { kind: 'full' },
      dropout: settings.dropout,
      adamW: { ...ADAMW_DEFAULTS, beta2: BETA_2, weightDecay: settings.weightDecay },
      clipNorm: CLIP_NORM,
      threads,
      seed,
    })
    const task = createNextItemTask({
      rows,
      rowLength,
      histories,
      placementsAt: packing.batchAt,
      emit: (net) => emitNextItem(net, { rows, rowLength, transformer, table, temperature, sampledItems }),
      ...(sample ? { sample } : {}),
      seed,
    })
    const schedule = {
      kind: 'linear' as const,
      rate: settings.rate,
      warmUpSteps: Math.round(WARM_UP * packing.batches),
      steps: Math.min(steps ?? packing.batches, packing.batches),
      floor: 0,
    }
    try {
      return await train({
        ...{ layout, initial, plan, schedule, seed },
        tasks: [task],
        accumulate: 1,
        fingerprint: '',
        isOutOfTime: () => performance.now() > deadlineMs,
        ...(options.signal ? { signal: options.signal } : {}),
        onStep: ({ step, loss }) => onStep({ step, steps: schedule.steps, loss }),
      })
    } finally {
      await plan.close()
    }
  }

  const startMs = performance.now()
  const budgetMs = (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000
  let { epochs } = settings
  if (Number.isFinite(budgetMs)) {
    const stepMs = await timeSteps(
      (onStep, deadlineMs) => run(1, { steps: PROBE_STEPS, deadlineMs, onStep }),
      startMs + budgetMs,
    )
    const left = budgetMs - (performance.now() - startMs)
    const epochSteps = planPacking(lengths, { rows, rowLength, seed, epochs: 1 }).batches
    epochs = Math.max(1, Math.min(epochs, Math.floor((PROBE_TRUST * left) / (stepMs * epochSteps))))
  }
  const { tensors, reason, step } = await run(epochs, {
    deadlineMs: startMs + budgetMs,
    onStep: (progress) => options.onProgress?.(progress),
  })
  if (reason === 'not-finite')
    throw new Error(`The loss was not a finite number at step ${step + 1}: lower the rate.`)
  const items = itemVectorsOf({ itemCount, hidden, known: known.items, tensors, texts })
  await shortenNew(items)
  const saved: SavedSasrec = { transformer, tensors, items }
  return {
    ...saved,
    model: await openScorer(transformer, tensors, items, threads),
    save: (directory) => saveSasrec(directory, saved),
  }

  /** In place. */
  async function shortenNew({ data }: Vectors): Promise<void> {
    const isNew = new Array<boolean>(itemCount).fill(true)
    for (const item of known.items) isNew[item] = false
    if (!texts || known.items.length === itemCount) return
    const scorer = await openScorer(transformer, tensors, items, threads)
    const factor = await shorteningOf(scorer, {
      isNew,
      histories: sequences.slice(0, NEW_ITEMS_HISTORIES).filter(({ length }) => length > 0),
      share: settings.newItemsShare,
    })
    await scorer.close()
    isNew.forEach((one, item) => {
      if (one) for (let at = item * hidden; at < (item + 1) * hidden; at++) data[at]! *= factor
    })
  }
}

type RunOptions = { steps?: number; deadlineMs: number; onStep(progress: SasrecProgress): void }

/** Milliseconds of a step, by the median: the first makes the graph. */
async function timeSteps(
  run: (onStep: () => void, deadlineMs: number) => Promise<unknown>,
  deadlineMs: number,
): Promise<number> {
  const ends: number[] = []
  await run(() => ends.push(performance.now()), deadlineMs)
  const times = ends.slice(1).map((end, at) => end - ends[at]!)
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.POSITIVE_INFINITY
}

/** Items with events, and their numbers among these. */
function knownItems(itemCount: number, sequences: readonly Uint32Array[]) {
  const isKnown = new Uint8Array(itemCount)
  for (const items of sequences) for (const item of items) isKnown[item] = 1
  const items = Uint32Array.from([...isKnown.keys()].filter((item) => isKnown[item]))
  const numberOf = new Uint32Array(itemCount)
  items.forEach((item, number) => {
    numberOf[item] = number
  })
  return { items, numberOf }
}

function rowsOf({ size, data }: Vectors, rows: Uint32Array): Float32Array {
  const result = new Float32Array(rows.length * size)
  rows.forEach((row, at) => {
    result.set(data.subarray(row * size, (row + 1) * size), at * size)
  })
  return result
}

/** Vectors of all items, of length 1; one with neither events nor a text has zeros. */
function itemVectorsOf({
  itemCount,
  hidden,
  known,
  tensors,
  texts,
}: {
  itemCount: number
  hidden: number
  known: Uint32Array
  tensors: ReadonlyMap<string, CheckpointTensor>
  texts: Vectors | null
}): Vectors {
  const data = new Float32Array(itemCount * hidden)
  const ids = tensors.get(ITEM_IDS)!.data
  known.forEach((item, number) => {
    data.set(ids.subarray(number * hidden, (number + 1) * hidden), item * hidden)
  })
  if (texts) {
    const projection = tensors.get(TEXT_PROJECTION)!.data
    for (let item = 0; item < itemCount; item++)
      for (let i = 0; i < texts.size; i++) {
        const x = texts.data[item * texts.size + i]!
        for (let j = 0; j < hidden; j++) data[item * hidden + j]! += x * projection[i * hidden + j]!
      }
  }
  for (let item = 0; item < itemCount; item++) {
    const vector = data.subarray(item * hidden, (item + 1) * hidden)
    const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
    if (length > 0) for (let i = 0; i < hidden; i++) vector[i]! /= length
  }
  return { size: hidden, data }
}
