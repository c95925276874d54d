/** @file `aisle train-ranker`: from a log of impressions to the ranker that the edge runs. */
import type { Impression } from '../../gpu-worker/rank/impressions.ts'
import { checkMonotone } from '../../gpu-worker/rank/monotone.ts'
import { OUTCOMES, type Outcome } from '../../gpu-worker/rank/multi-task.ts'
import { type RankerCard, writeRanker } from '../../gpu-worker/rank/ranker-files.ts'
import { buildScorer } from '../../gpu-worker/rank/scorer.ts'
import { RANK_DEFAULTS, type RankSettings, trainRanker } from '../../gpu-worker/rank/train-ranker.ts'
import { openSession } from '../../gpu-worker/runtime/session.ts'
import { DataError } from '../../gpu-worker/train/examples.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import { readCatalogue } from './catalogue-file.ts'
import { Failure } from './failure.ts'
import { createProgress } from './progress.ts'

export type TrainRankerOptions = {
  impressions: string
  out: string
  kind: RankSettings['kind']
  seed: number
  /** Features of which a larger value must not lower the score; none are checked by default but the edge's own. */
  monotone?: string[]
  quiet: boolean
}
export type RankerOutcome = Omit<RankerCard, 'format' | 'outcomes'> & { out: string; seconds: number }

const KNOWN = ['request', 'item', 'position', ...OUTCOMES] as const
/** Features of the edge that say how well an item fits. */
const RISING: readonly string[] = ['vector', 'together', 'category', 'popular']

export async function trainRankerOn(options: TrainRankerOptions): Promise<RankerOutcome> {
  const startedMs = performance.now()
  const { impressions, features } = await readImpressions(options.impressions)
  const settings = { ...RANK_DEFAULTS, kind: options.kind }
  const progress = createProgress('training', options.quiet)
  try {
    const trained = await trainRanker(impressions, settings, options.seed, (epoch, loss) =>
      progress.update(epoch, settings.epochs, `validation loss ${loss.toFixed(4)}`),
    )
    const { logLoss, baseLogLoss, epoch } = trained.validation
    progress.done(`epoch ${epoch} was the best`)
    if (logLoss >= baseLogLoss)
      throw new Failure(
        `The ranker learnt nothing: its loss on later requests is ${logLoss.toFixed(4)}, that of fixed shares ${baseLogLoss.toFixed(4)}. Nothing was written; more impressions or other features are needed.`,
      )
    const monotone = await monotonicityOf(trained.model, impressions, features, options.monotone)
    const card = {
      features,
      impressions: impressions.length,
      seed: options.seed,
      examination: trained.examination,
      validation: trained.validation,
      monotone,
    }
    await writeRanker(options.out, trained, card)
    return { ...card, out: options.out, seconds: Math.round((performance.now() - startedMs) / 100) / 10 }
  } catch (error) {
    if (error instanceof DataError) throw new Failure(`"${options.impressions}": ${error.message}`)
    throw error
  }
}

async function monotonicityOf(
  model: Parameters<typeof buildScorer>[0],
  impressions: readonly Impression[],
  features: readonly string[],
  wanted = features.filter((name) => RISING.includes(name)),
): Promise<RankerCard['monotone']> {
  const columns = wanted.map((name) => {
    const column = features.indexOf(name)
    if (column < 0) throw new Failure(`--monotone names "${name}"; the features are ${features.join(', ')}.`)
    return column
  })
  const session = await openSession(buildScorer(model, { columns: features.length }), { threads: 1 })
  try {
    const found = await checkMonotone(
      async (data, rows) =>
        (await session.run({ features: { data, dims: [rows, features.length] } }))['click']!.data,
      impressions.map((one) => one.features),
      columns,
    )
    return found.map(({ column, ...rest }) => ({ feature: features[column]!, ...rest }))
  } finally {
    await session.close()
  }
}

/** Columns beside the known ones are features; the edge's own stand in the edge's order. */
async function readImpressions(file: string): Promise<{ impressions: Impression[]; features: string[] }> {
  const impressions: Impression[] = []
  let features: string[] = []
  for await (const { row } of readCatalogue(file)) {
    const where = `"${file}", impression ${impressions.length + 1}`
    if ('_unreadable' in row) throw new Failure(`${where}: ${row['_unreadable']}`)
    if (impressions.length === 0) features = featuresIn(Object.keys(row), file)
    const number = (name: string): number => {
      const value = row[name] === '' || row[name] === undefined ? Number.NaN : Number(row[name])
      if (!Number.isFinite(value)) throw new Failure(`${where}: "${name}" is not a number.`)
      return value
    }
    const outcome = (name: Outcome): 0 | 1 => {
      const value = name in row ? number(name) : 0
      if (value !== 0 && value !== 1) throw new Failure(`${where}: "${name}" is neither 0 nor 1.`)
      return value
    }
    impressions.push({
      request: String(row['request'] ?? ''),
      item: String(row['item'] ?? ''),
      position: number('position'),
      features: Float32Array.from(features, number),
      outcomes: { click: outcome('click'), cart: outcome('cart'), purchase: outcome('purchase') },
    })
  }
  return { impressions, features }
}

function featuresIn(columns: readonly string[], file: string): string[] {
  const missing = ['request', 'item', 'position', 'click'].filter((name) => !columns.includes(name))
  if (missing.length > 0)
    throw new Failure(
      `"${file}" has no ${missing.join(', ')}: a log of impressions has request, item, position, click, where known cart and purchase, and features between 0 and 1.`,
    )
  const others = columns.filter((name) => !(KNOWN as readonly string[]).includes(name))
  const edges = RANK_FEATURES.filter((name) => others.includes(name))
  const features = [...edges, ...others.filter((name) => !(edges as string[]).includes(name))]
  if (features.length === 0 || features.length > RANK_FEATURES_MAX)
    throw new Failure(`"${file}" has ${features.length} features; a ranker takes 1 to ${RANK_FEATURES_MAX}.`)
  return features
}

export function renderRanker({ validation, examination, monotone, ...o }: RankerOutcome): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  return [
    `Trained on ${o.impressions} impressions in ${o.seconds} s; the ranker is in ${o.out}.`,
    `  loss on ${validation.requests} later requests: ${validation.logLoss.toFixed(4)} (fixed shares ${validation.baseLogLoss.toFixed(4)})`,
    `  area under the curve: ${OUTCOMES.map((outcome) => `${outcome} ${validation.areaUnderCurve[outcome]?.toFixed(3) ?? '–'}`).join(', ')}`,
    `  places looked at: ${examination
      .slice(0, 10)
      .map((share) => share.toFixed(2))
      .join(' ')} …`,
    ...monotone.map(
      ({ feature, violations, worstFall }) =>
        `  more ${feature} lowers the score of ${percent(violations)} of the items, by ${percent(worstFall)} of the best score at worst`,
    ),
  ].join('\n')
}
