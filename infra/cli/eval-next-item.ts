/** @file `aisle eval next-item`: what comes next after each line of a file, ranked over all items; and how good that is, given the answers. */
import { open } from 'node:fs/promises'
import { recommenderModel } from '../../gpu-worker/recommend/recommender.ts'
import { readRecommender } from '../../gpu-worker/recommend/store.ts'
import { strongest } from '../../gpu-worker/recommend/strongest.ts'
import { Failure } from './failure.ts'
import { createProgress } from './progress.ts'
import { readSequences } from './sequence-file.ts'

export type EvalNextItemOptions = {
  model: string
  sequences: string
  out: string
  top: number
  excludeSeen?: boolean
  sessions?: boolean
  json?: boolean
}
export type NextItemOutcome = { users: number; unknownEvents: number; out: string }

const BATCH = 128

export async function evalNextItem(options: EvalNextItemOptions): Promise<NextItemOutcome> {
  const read = await readRecommender(options.model)
  if (!read.ok) throw new Failure(`The model cannot be used: ${read.error}.`)
  const { items, sessions, recommender } = read.value
  const lines = readSequences(options.sequences, { sessions: options.sessions ?? sessions })
  const numbers = new Map(items.map((id, number) => [id, number]))
  const model = recommenderModel(recommender)
  const progress = createProgress('ranking', options.json)
  let unknownEvents = 0
  const out = await open(options.out, 'w')
  try {
    for (let from = 0; from < lines.length; from += BATCH) {
      progress.update(from, lines.length)
      const batch = lines.slice(from, from + BATCH)
      const histories = batch.map((line) => {
        const known = line.items.flatMap((id) => numbers.get(id) ?? [])
        unknownEvents += line.items.length - known.length
        return Uint32Array.from(known)
      })
      const scores = await model.score(histories)
      const text = batch.map(({ user }, at) => {
        const skip = options.excludeSeen ? new Set(histories[at]) : undefined
        const ranked = strongest(scores[at]!, options.top, Number.NEGATIVE_INFINITY, skip)
        return `${user}\t${Array.from(ranked, (item) => items[item]).join(',')}\n`
      })
      await out.write(text.join(''))
    }
  } finally {
    await out.close()
  }
  progress.done()
  return { users: lines.length, unknownEvents, out: options.out }
}

export const renderNextItem = ({ users, unknownEvents, out }: NextItemOutcome): string =>
  `${users} lines ranked in ${out}${unknownEvents > 0 ? `; ${unknownEvents} events on items that the model does not know were skipped` : ''}.`
