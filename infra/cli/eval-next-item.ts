/** @file `aisle eval next-item`: what comes next after each line of a file, ranked over all items; and how good that is, given the answers. */
import { open, rm } from 'node:fs/promises'
import { recommenderModel } from '../../gpu-worker/recommend/recommender.ts'
import { readRecommender } from '../../gpu-worker/recommend/store.ts'
import { strongest } from '../../gpu-worker/recommend/strongest.ts'
import { bootstrapMean, type Interval } from '../../shared/metrics/bootstrap.ts'
import {
  type ListQuality,
  listQuality,
  type NextItemQuality,
  nextItemQuality,
  rankOf,
} from '../../shared/metrics/next-item.ts'
import { Failure } from './failure.ts'
import { createProgress } from './progress.ts'
import { readSequences, readTargets, type SequenceLine } from './sequence-file.ts'
import { renderTable } from './table.ts'

export type EvalNextItemOptions = {
  model: string
  sequences: string
  out: string
  top: number
  excludeSeen?: boolean
  sessions?: boolean
  /** Answers by user; ranking does not look at them. */
  targets?: string
  /** The last item of each line is its answer, and the history ends before it. */
  leaveOneOut?: boolean
  json?: boolean
}
export type Slice = {
  name: string
  lines: number
  quality: NextItemQuality
  hitRate: Interval
  ndcg: Interval
}
export type NextItemOutcome = {
  lines: number
  unknownEvents: number
  out: string
  /** Null without answers. */
  measured: { k: number; slices: Slice[]; lists: ListQuality } | null
}

const BATCH = 128
/** A history of so many events at most is a new shopper's. */
const NEW_SHOPPER_EVENTS = 3
const USER_DEPTH = 10
const SESSION_DEPTH = 20

export async function evalNextItem(options: EvalNextItemOptions): Promise<NextItemOutcome> {
  const read = await readRecommender(options.model)
  if (!read.ok) throw new Failure(`The model cannot be used: ${read.error}.`)
  const { items, recommender } = read.value
  const sessions = options.sessions ?? read.value.sessions
  const given = readSequences(options.sequences, { sessions })
  const { lines, answers } = options.leaveOneOut
    ? holdLast(given)
    : { lines: given, answers: options.targets === undefined ? null : readTargets(options.targets) }
  const numbers = new Map(items.map((id, number) => [id, number]))
  const model = recommenderModel(recommender)
  const progress = createProgress('ranking', options.json)
  const k = sessions ? SESSION_DEPTH : USER_DEPTH
  const judged: Judged[] = []
  let unknownEvents = 0
  const out = await open(options.out, 'w').catch((cause: Error) => {
    throw new Failure(`${options.out} cannot be written: ${cause.message}.`)
  })
  let isWhole = false
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
        const history = histories[at]!
        const skip = options.excludeSeen ? new Set(history) : undefined
        const ranked = strongest(scores[at]!, options.top, Number.NEGATIVE_INFINITY, skip)
        const answer = answers?.get(user)
        if (answer !== undefined) {
          const item = numbers.get(answer)
          // An item that the model does not know is in no list.
          const rank = item === undefined ? Number.POSITIVE_INFINITY : rankOf(scores[at]!, item, skip)
          const isNewItem = item === undefined || recommender.facts.counts[item] === 0
          judged.push({ history, list: ranked.slice(0, k), rank, isNewItem })
        }
        return `${user}\t${Array.from(ranked, (item) => items[item]).join(',')}\n`
      })
      await out.write(text.join(''))
    }
    isWhole = true
  } finally {
    await out.close()
    if (!isWhole) await rm(options.out, { force: true })
  }
  progress.done()
  const measured = judged.length > 0 ? measure(judged, k, recommender.facts.counts) : null
  return { lines: lines.length, unknownEvents, out: options.out, measured }
}

type Judged = { history: Uint32Array; list: Uint32Array; rank: number; isNewItem: boolean }

function holdLast(lines: readonly SequenceLine[]) {
  const held = lines.filter(({ items }) => items.length >= 2)
  if (held.length === 0) throw new Failure('No line has two items, so that one could be held out.')
  return {
    lines: held.map(({ user, items }) => ({ user, items: items.slice(0, -1) })),
    answers: new Map(held.map(({ user, items }) => [user, items.at(-1)!])),
  }
}

function measure(judged: readonly Judged[], k: number, counts: Uint32Array): NextItemOutcome['measured'] {
  const slice = (name: string, of: readonly Judged[]): Slice => {
    const ranks = of.map(({ rank }) => rank)
    const interval = (gain: (rank: number) => number) =>
      bootstrapMean(ranks.map((rank) => (rank <= k ? gain(rank) : 0)))
    return {
      ...{ name, lines: of.length, quality: nextItemQuality(ranks, k) },
      ...{ hitRate: interval(() => 1), ndcg: interval((rank) => 1 / Math.log2(rank + 1)) },
    }
  }
  return {
    k,
    slices: [
      slice('all', judged),
      slice(
        'new shoppers',
        judged.filter(({ history }) => history.length <= NEW_SHOPPER_EVENTS),
      ),
      slice(
        'new items',
        judged.filter(({ isNewItem }) => isNewItem),
      ),
    ].filter(({ lines }) => lines > 0),
    lists: listQuality(
      judged.map(({ list }) => list),
      judged.map(({ history }) => history),
      counts,
    ),
  }
}

export function renderNextItem({ lines, unknownEvents, out, measured }: NextItemOutcome): string {
  const skipped = unknownEvents > 0 ? `; ${unknownEvents} events on unknown items were skipped` : ''
  const ranked = `${lines} lines ranked in ${out}${skipped}.`
  if (!measured) return ranked
  const { k, slices, lists } = measured
  const shown = ({ low, mean, high }: Interval) => `${mean.toFixed(4)} (${low.toFixed(4)}–${high.toFixed(4)})`
  const rows = slices.map(({ name, lines: count, quality, hitRate, ndcg }) => [
    ...[name, String(count), shown(hitRate), shown(ndcg), quality.mrr.toFixed(4)],
  ])
  return [
    ranked,
    renderTable(['lines', 'count', `HR@${k}`, `nDCG@${k}`, `MRR@${k}`], rows),
    `coverage@${k} ${lists.coverage.toFixed(3)}, novelty ${lists.novelty.toFixed(2)} bits, popularity lift ${lists.popularityLift.toFixed(2)}`,
  ].join('\n')
}
