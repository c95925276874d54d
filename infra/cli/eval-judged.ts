/** @file `aisle eval search --judgments`: what people judged against what would be found, in memory, without a stack. */
import { cpus } from 'node:os'
import { SHIPPED_MODEL_DIR } from '../../gpu-worker/config.ts'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import {
  buildOfflineIndex,
  type OfflineModel,
  withFusion,
} from '../../gpu-worker/evaluation/offline-index.ts'
import {
  type JudgedText,
  METRICS,
  measureSearch,
  type SearchQuality,
} from '../../gpu-worker/evaluation/search-quality.ts'
import { chooseVectorWeight } from '../../gpu-worker/indexing/validate-fusion.ts'
import type { Interval } from '../../shared/metrics/bootstrap.ts'
import { createProgress } from './progress.ts'
import { readBase } from './train.ts'
import { readFullItems, readJudgments } from './training-files.ts'

export type EvalJudgedOptions = {
  catalog: string
  map?: string
  judgments: string
  /** Model folder, or `none` for words alone; absent takes the model that a new shop starts with. */
  model?: string
  relevantFrom?: number
  quiet: boolean
}
export type JudgedOutcome = SearchQuality & { items: number; vectorWeight: number; relevantFrom: number }

/** Share of the highest relevance from which an item counts as an answer, unless told otherwise. */
const RELEVANT_SHARE = 2.33 / 3

export async function evalJudged(options: EvalJudgedOptions): Promise<JudgedOutcome> {
  const items = await readFullItems(options.catalog, options.map)
  const judgments = await readJudgments(options.judgments)
  const queries = groupByQuery(judgments)
  const most = judgments.reduce((top, { relevance }) => Math.max(top, relevance), 0)
  const relevantFrom = options.relevantFrom ?? most * RELEVANT_SHARE
  const model = options.model === 'none' ? null : await openModel(options.model ?? SHIPPED_MODEL_DIR)

  const indexing = createProgress('indexing', options.quiet)
  const bare = await buildOfflineIndex(items, model, (done) =>
    indexing.update(done, items.length, `${done} items`),
  )
  indexing.done(`${items.length} items`)
  // As the worker does it when a catalogue is indexed: on made-up queries, never on the judged ones.
  const fusion = model ? await chooseVectorWeight(bare, model.encode) : null
  const index = fusion ? withFusion(bare, fusion) : bare
  const searching = createProgress('searching', options.quiet)
  const quality = await measureSearch(index, model?.encode ?? null, queries, {
    relevantFrom,
    onProgress: (done) => searching.update(done, queries.length, `${done} queries`),
  })
  searching.done(`${queries.length} queries`)
  return { ...quality, items: items.length, vectorWeight: fusion?.vectorWeight ?? 0, relevantFrom }
}

async function openModel(directory: string): Promise<OfflineModel> {
  const checkpoint = await readBase(directory)
  const encoder = await createEncoder({ checkpoint, precision: 'int8', threads: cpus().length })
  return {
    dim: encoder.dim,
    trained: checkpoint.trained,
    ...(checkpoint.fusion ? { fusion: checkpoint.fusion } : {}),
    encode: (texts) => encoder.encode(texts),
  }
}

function groupByQuery(judgments: Awaited<ReturnType<typeof readJudgments>>): JudgedText[] {
  const queries = new Map<string, Map<string, number>>()
  for (const { query, itemId, relevance } of judgments) {
    const known = queries.get(query) ?? new Map<string, number>()
    known.set(itemId, relevance)
    queries.set(query, known)
  }
  return [...queries].map(([text, own]) => ({ text, judgments: own }))
}

export function renderQuality(outcome: JudgedOutcome): string {
  const cell = (interval: Interval | null | undefined) =>
    interval ? `${interval.mean.toFixed(4)} [${interval.low.toFixed(4)}, ${interval.high.toFixed(4)}]` : '–'
  const modes = Object.keys(outcome.modes) as (keyof typeof outcome.modes)[]
  const lines = [
    `${outcome.queries} queries, ${outcome.items} items, vector weight ${outcome.vectorWeight}; 95 % bootstrap intervals`,
    ['', ...modes].map((text, at) => text.padEnd(at === 0 ? 22 : 26)).join(''),
    ...METRICS.map((metric) =>
      [metric.padEnd(22), ...modes.map((mode) => cell(outcome.modes[mode]?.[metric]).padEnd(26))].join(''),
    ),
  ]
  if (modes.length > 1) {
    lines.push('', `${'nDCG@10 by kind of query'.padEnd(30)}queries  lexical  hybrid`)
    for (const { name, queries, lexical, hybrid } of outcome.slices)
      lines.push(
        `  ${name.padEnd(28)}${String(queries).padStart(7)}  ${lexical.toFixed(4)}   ${hybrid.toFixed(4)}`,
      )
  }
  return lines.join('\n')
}
