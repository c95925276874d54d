/** @file What a journal leaves for TensorBoard. That the bytes are right is `test/conformance/event-file.test.ts`. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createJournal, JOURNAL_FILE } from './journal.ts'
import { parseRecipe } from './recipe.ts'
import { createTensorBoard } from './tensorboard.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-tensorboard-'))
})
afterEach(() => rm(directory, { recursive: true }))

let clockMs = 1_760_000_000_000
const journalOf = (processId: number) =>
  createJournal({
    directory,
    nowMs: () => clockMs++,
    onEntry: createTensorBoard(join(directory, 'tensorboard'), processId),
  })
const report = (step: number, loss: number, tasks = ['mlm']) => ({
  step,
  loss,
  outcomes: Object.fromEntries(tasks.map((task, at) => [task, { loss: loss + at, shown: {} }])),
  rate: 0.5,
  gradientNorm: 2,
  texts: 8,
})

/** Fields of a protobuf message by number. Source: the wire format; varints below 2³¹ and no groups. */
type Fields = Map<number, (number | Buffer)[]>
function decode(bytes: Buffer): Fields {
  const fields: Fields = new Map()
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number) => {
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const key = varint()
    const kind = key & 7
    const value =
      kind === 0
        ? varint()
        : kind === 1
          ? take(8).readDoubleLE()
          : kind === 5
            ? take(4).readFloatLE()
            : take(varint())
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value])
  }
  return fields
}
/** Lines of `step: what` of all event files of a stage, in the order in which TensorBoard reads them. */
async function eventsOf(stage: string): Promise<string[]> {
  const folder = join(directory, 'tensorboard', stage)
  const lines: string[] = []
  for (const file of (await readdir(folder)).sort()) {
    const bytes = await readFile(join(folder, file))
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at))
      const event = decode(bytes.subarray(at + 12, at + 12 + length))
      at += 16 + length
      const step = event.get(2)?.[0] ?? 0
      if (event.has(3)) lines.push(`${event.get(3)![0]}`)
      if (event.has(7)) lines.push(`${step}: restart`)
      const values = ((event.get(5)?.[0] && decode(event.get(5)![0] as Buffer).get(1)) ?? []) as Buffer[]
      for (const value of values.map(decode)) {
        const number = value.get(2)?.[0] as number | undefined
        lines.push(`${step}: ${value.get(1)![0]}${number === undefined ? '' : ` ${number.toFixed(2)}`}`)
      }
    }
  }
  return lines
}

it('has the numbers of the journal, a folder for each stage, and the recipe in each', async () => {
  const recipe = parseRecipe({ version: 1, recipe: 'pretrain' })
  const journal = journalOf(1)
  if (recipe.ok) journal.note({ event: 'recipe', recipe: recipe.value, items: 3, judgments: 0 })
  const log = journal.stage('mlm', 10, 'MRR@10')
  log.start(0, null)
  log.step(report(10, 1.5))
  log.validation(10, 0.25, true)
  const histogram = { min: 0, max: 1, count: 2, sum: 1, sumSquares: 4, buckets: [1, 1] }
  log.tensors(10, { parameters: { w: histogram }, gradients: { w: histogram } })
  log.end({ reason: 'finished', step: 10, best: null })
  journal.stage('contrastive', 10, null).start(0, null)

  expect(await eventsOf('mlm')).toEqual([
    'brain.Event:2',
    '0: recipe',
    ...['10: loss 1.50', '10: rate 0.50', '10: gradient norm 2.00'],
    '10: MRR@10 0.25',
    ...['10: parameter/w', '10: parameter norm/w 2.00', '10: gradient/w', '10: gradient norm/w 2.00'],
  ])
  expect(await eventsOf('contrastive')).toEqual(['brain.Event:2', '0: recipe'])
  const lines = (await readFile(join(directory, JOURNAL_FILE), 'utf8')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(
    'recipe stage-started step validation tensors stage-ended stage-started'.split(' '),
  )
})

it('shows the loss of each task where there are several', async () => {
  const log = journalOf(1).stage('search-1', 10, null)
  log.start(0, null)
  log.step(report(10, 1, ['judged', 'made-up']))
  expect(await eventsOf('search-1')).toContain('10: loss/made-up 2.00')
})

it('goes on in a file of its own after a restart, which takes the steps made again off the charts', async () => {
  const before = journalOf(1).stage('mlm', 40, null)
  before.start(0, null)
  before.step(report(10, 3))
  before.step(report(20, 2))
  clockMs += 5_000
  const after = journalOf(2).stage('mlm', 40, null)
  after.start(10, null) // the state of step 10 was the last to be saved
  after.step(report(20, 2))
  expect((await readdir(join(directory, 'tensorboard/mlm'))).length).toBe(2)
  expect((await eventsOf('mlm')).filter((line) => /restart|loss|brain/.test(line))).toEqual([
    ...['brain.Event:2', '10: loss 3.00', '20: loss 2.00'],
    ...['brain.Event:2', '11: restart', '20: loss 2.00'],
  ])
})
