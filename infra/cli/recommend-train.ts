/** @file `aisle recommend-train`: from a file of sequences to a folder that recommends. */
import { availableParallelism } from 'node:os'
import { writeRecommender } from '../../gpu-worker/recommend/store.ts'
import { trainRecommender } from '../../gpu-worker/recommend/train-recommender.ts'
import type { NextItemQuality } from '../../shared/metrics/next-item.ts'
import { holdFolder } from './hold-folder.ts'
import { createProgress } from './progress.ts'
import { type ItemRow, readItemRows, readSequences, type SequenceLine } from './sequence-file.ts'
import { renderTable } from './table.ts'

/** Where nothing is said. */
const MINUTES = 20
/** Of the time that all may take. */
const TRANSFORMER_SHARE = 0.6

export type RecommendTrainOptions = {
  sequences: string
  items?: string
  out: string
  sessions?: boolean
  minutes?: number
  seed: number
  json?: boolean
}
export type RecommendTrainOutcome = {
  sequences: number
  events: number
  items: number
  seconds: number
  out: string
  /** On events kept aside, of each source alone and of all together. */
  measured: { name: string; quality: NextItemQuality }[]
}

export async function recommendTrain(options: RecommendTrainOptions): Promise<RecommendTrainOutcome> {
  const startedAt = Date.now()
  const sessions = options.sessions ?? false
  const lines = readSequences(options.sequences, { sessions })
  const rows = options.items === undefined ? null : readItemRows(options.items)
  const { items, sequences } = numberItems(lines, rows ?? [])
  const letGo = await holdFolder(options.out)
  const progress = createProgress('training', options.json)
  try {
    const { recommender, measured } = await trainRecommender(
      { itemCount: items.length, sequences },
      {
        ...{ sessions, seed: options.seed, texts: rows && textsOf(items, rows) },
        transformerMinutes: TRANSFORMER_SHARE * (options.minutes ?? MINUTES),
        threads: availableParallelism(),
        report: (stage, done, total) => progress.update(done, total, stage),
      },
    )
    await writeRecommender(options.out, { items, sessions, recommender })
    progress.done(`${items.length} items`)
    return {
      sequences: sequences.length,
      events: sequences.reduce((sum, { length }) => sum + length, 0),
      items: items.length,
      seconds: Math.round((Date.now() - startedAt) / 1000),
      out: options.out,
      measured,
    }
  } finally {
    await letGo()
  }
}

/** Numbers in the order of the ids, so that neither the order of the lines nor an id's own number says anything. */
function numberItems(lines: readonly SequenceLine[], rows: readonly ItemRow[]) {
  const ids = new Set(rows.map(({ id }) => id))
  for (const { items } of lines) for (const item of items) ids.add(item)
  const items = [...ids].sort()
  const numbers = new Map(items.map((id, number) => [id, number]))
  return {
    items,
    sequences: lines
      .filter((line) => line.items.length > 0)
      .map((line) => Uint32Array.from(line.items, (id) => numbers.get(id)!)),
  }
}

function textsOf(items: readonly string[], rows: readonly ItemRow[]) {
  const byId = new Map(rows.map((row) => [row.id, row]))
  return items.map((id) => byId.get(id) ?? { title: '', labels: [] })
}

export function renderRecommendTrain(outcome: RecommendTrainOutcome): string {
  const cells = ({ name, quality }: RecommendTrainOutcome['measured'][number]) => [
    name,
    ...[quality.hitRate, quality.ndcg, quality.mrr].map((one) => one.toFixed(4)),
  ]
  return [
    `${outcome.sequences} sequences, ${outcome.events} events, ${outcome.items} items in ${outcome.seconds} s; the model is in ${outcome.out}.`,
    'On events kept aside while choosing:',
    renderTable(['source', 'hit rate', 'nDCG', 'MRR'], outcome.measured.map(cells)),
  ].join('\n')
}
