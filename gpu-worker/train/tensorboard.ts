/**
 * @file A journal as TensorBoard shows it: `tensorboard --logdir <folder>` has a run for each stage. A process writes files of
 * its own, so that a run that was resumed goes on beside what it wrote before.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Histogram } from './histogram.ts'
import type { JournalEntry } from './journal.ts'
import { encodeRecord, type Value, type What } from './tensorboard/event-file.ts'

/**
 * @param directory gets `<stage>/events.out.tfevents.<seconds>.<process>`
 * @returns         a listener for `createJournal`
 */
export function createTensorBoard(
  directory: string,
  processId: number,
): (entry: JournalEntry, atMs: number) => void {
  const files = new Map<string, string>()
  let recipe: Record<string, Value> = {}

  const write = (stage: string, atMs: number, step: number, what: What): void => {
    let file = files.get(stage)
    if (!file) {
      mkdirSync(join(directory, stage), { recursive: true })
      file = join(directory, stage, `events.out.tfevents.${Math.floor(atMs / 1_000)}.${processId}`)
      files.set(stage, file)
      appendFileSync(file, encodeRecord(atMs, 0, 'version'))
    }
    appendFileSync(file, encodeRecord(atMs, step, what))
  }
  return (entry, atMs) => {
    switch (entry.event) {
      case 'recipe':
        recipe = { recipe: { text: `\`\`\`json\n${JSON.stringify(entry.recipe, null, 2)}\n\`\`\`` } }
        break
      case 'stage-started':
        write(entry.stage, atMs, 0, { values: recipe })
        break
      case 'stage-resumed':
        // Steps after the saved one are made again; this takes their first values off the charts.
        write(entry.stage, atMs, entry.step + 1, 'restart')
        break
      default: {
        const values = valuesOf(entry)
        if ('stage' in entry && 'step' in entry && values) write(entry.stage, atMs, entry.step, { values })
      }
    }
  }
}

/** What of an entry belongs on a chart; null for the rest. */
function valuesOf(entry: JournalEntry): Record<string, Value> | null {
  if (entry.event === 'step')
    return scalars({
      loss: entry.loss,
      rate: entry.rate,
      'gradient norm': entry.gradientNorm,
      ...prefixed('loss', entry.losses ?? {}),
    })
  if (entry.event === 'validation') return scalars({ [entry.metric]: entry.value })
  if (entry.event === 'tensors')
    return {
      ...histograms('parameter', entry.parameters),
      ...histograms('gradient', entry.gradients),
    }
  return null
}

const prefixed = <T>(prefix: string, record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [`${prefix}/${name}`, value]))

const scalars = (record: Readonly<Record<string, number>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).map(([tag, scalar]) => [tag, { scalar }]))

/** The spread of each tensor, and beside it its length ‖x‖ as a curve. */
function histograms(kind: string, tensors: Readonly<Record<string, Histogram>>): Record<string, Value> {
  const entries = Object.entries(tensors)
  return {
    ...prefixed(kind, Object.fromEntries(entries.map(([name, histogram]) => [name, { histogram }]))),
    ...prefixed(
      `${kind} norm`,
      Object.fromEntries(entries.map(([name, { sumSquares }]) => [name, { scalar: Math.sqrt(sumSquares) }])),
    ),
  }
}
