/**
 * @file From impressions to a ranker: what the place of the list did to the clicks is estimated and divided out, the network is
 * trained on the first requests, chosen and calibrated on later ones.
 */
import { areaUnderCurve, logLoss } from '../../shared/metrics/probability.ts'
import { openSession } from '../runtime/session.ts'
import { ADAMW_DEFAULTS } from '../train/adamw.ts'
import { createCpuPlan } from '../train/cpu-plan.ts'
import { drawExamples } from '../train/data/order.ts'
import { layOut } from '../train/parameters.ts'
import { type Task, train } from '../train/trainer.ts'
import { type CalibrationRow, calibrate } from './calibrate.ts'
import { estimateExamination, PLACES_MAX } from './examination.ts'
import { type Impression, requireUsable } from './impressions.ts'
import { initialParameters, type MultiTaskConfig, OUTCOMES, type Outcome } from './multi-task.ts'
import { emitRankLoss } from './objective.ts'
import { buildLogits, buildScorer, type Calibration, type RankModel, UNCALIBRATED } from './scorer.ts'

export type RankSettings = Omit<MultiTaskConfig, 'features'> & {
  epochs: number
  batch: number
  rate: number
  /** λ of each task. */
  taskWeights: Record<Outcome, number>
  /** Below this θ a click would weigh more than 1 / θ says of one shopper. */
  examinationMin: number
  /** Share of the requests, the last ones, on which the epoch is chosen and the shares are calibrated. */
  validationShare: number
}
export const RANK_DEFAULTS: RankSettings = {
  kind: 'mmoe',
  hidden: 32,
  experts: 4,
  tower: 16,
  epochs: 20,
  batch: 512,
  rate: 3e-3,
  taskWeights: { click: 1, cart: 1, purchase: 1 },
  examinationMin: 0.1,
  validationShare: 0.2,
}

export type TrainedRanker = {
  model: RankModel
  /** θ of the places 1, 2, … */
  examination: number[]
  /** On the validation requests, against the share of each outcome among all impressions of training. */
  validation: {
    requests: number
    logLoss: number
    baseLogLoss: number
    epoch: number
    /** Of what came against what was said, places and all; null for an outcome that never came. */
    areaUnderCurve: Record<Outcome, number | null>
  }
}

/**
 * The same impressions, settings and seed give the same ranker, bit for bit.
 *
 * @param impressions in order of time
 * @throws DataError  where there is nothing to learn
 */
export async function trainRanker(
  impressions: readonly Impression[],
  settings: RankSettings,
  seed: number,
  onEpoch?: (epoch: number, loss: number) => void,
): Promise<TrainedRanker> {
  requireUsable(impressions)
  const { early, late } = splitByRequest(impressions, settings.validationShare)
  requireUsable(early)
  const examination = estimateExamination(early)
  const thetaAt = (position: number) =>
    Math.max(settings.examinationMin, examination[Math.min(position, PLACES_MAX) - 1]!)
  const labelsOf = ({ outcomes, position }: Impression, outcome: Outcome) =>
    outcomes[outcome] / thetaAt(position)

  const config: MultiTaskConfig = { ...settings, features: impressions[0]!.features.length }
  const initial = initialParameters(config, seed)
  const layout = layOut([...initial].map(([name, { shape }]) => [name, shape]))
  const stepsPerEpoch = Math.max(1, Math.floor(early.length / settings.batch))
  const steps = settings.epochs * stepsPerEpoch
  const plan = createCpuPlan(null, layout, {
    frozen: new Map(),
    tuning: { kind: 'full' },
    dropout: 0,
    adamW: ADAMW_DEFAULTS,
    clipNorm: 1,
    threads: 1,
    seed,
  })
  const modelOf = (tensors: RankModel['tensors'], calibration = UNCALIBRATED): RankModel => ({
    config,
    tensors,
    calibration,
  })
  const lossOn = async (model: RankModel) =>
    weightedLoss(settings, late, await logitsOf(model, late), labelsOf)
  try {
    const result = await train({
      layout,
      initial,
      plan,
      tasks: [createTask(early, config, settings, labelsOf, seed)],
      schedule: {
        kind: 'cosine',
        rate: settings.rate,
        warmUpSteps: Math.min(100, steps),
        steps,
        floor: 0.05,
      },
      accumulate: 1,
      seed,
      fingerprint: '',
      validation: {
        everySteps: stepsPerEpoch,
        patience: 5,
        metricOf: async (tensors, step) => {
          const loss = await lossOn(modelOf(tensors))
          onEpoch?.(step / stepsPerEpoch, loss)
          return -loss
        },
      },
    })
    const logits = await logitsOf(modelOf(result.tensors), late)
    const calibration = calibrateOn(late, logits, labelsOf)
    const model = modelOf(result.tensors, calibration)
    const requests = new Set(late.map(({ request }) => request)).size
    return {
      model,
      examination,
      validation: {
        requests,
        logLoss: await lossOn(model),
        baseLogLoss: baseLoss(settings, early, late, labelsOf),
        epoch: Math.round((result.best?.step ?? steps) / stepsPerEpoch),
        areaUnderCurve: curvesOf(late, await probabilitiesOf(model, late)),
      },
    }
  } finally {
    await plan.close()
  }
}

type LabelsOf = (impression: Impression, outcome: Outcome) => number

/** Whole requests, in order. */
function splitByRequest(impressions: readonly Impression[], share: number) {
  const requests = [...new Set(impressions.map(({ request }) => request))]
  const last = new Set(requests.slice(Math.floor(requests.length * (1 - share))))
  return {
    early: impressions.filter(({ request }) => !last.has(request)),
    late: impressions.filter(({ request }) => last.has(request)),
  }
}

function createTask(
  impressions: readonly Impression[],
  config: MultiTaskConfig,
  { batch: batchMax, taskWeights }: RankSettings,
  labelsOf: LabelsOf,
  seed: number,
): Task {
  const batch = Math.min(batchMax, impressions.length)
  const rowsOf = drawExamples(impressions.length, batch, seed)
  return {
    name: 'outcomes',
    weight: 1,
    batchAt(draw) {
      const rows = rowsOf(draw).map((row) => impressions[row]!)
      const column = (outcome: Outcome) => ({
        data: Float32Array.from(rows, (row) => labelsOf(row, outcome)),
        dims: [batch, 1],
      })
      return {
        shape: `outcomes ${batch}`,
        emit: (net) => emitRankLoss(net, config, batch, taskWeights),
        feeds: {
          rows: { data: featuresOf(rows), dims: [batch, config.features] },
          click: column('click'),
          cart: column('cart'),
          purchase: column('purchase'),
        },
        texts: batch,
      }
    },
  }
}

function featuresOf(impressions: readonly Impression[]): Float32Array {
  const width = impressions[0]?.features.length ?? 0
  const data = new Float32Array(impressions.length * width)
  impressions.forEach(({ features }, row) => {
    data.set(features, row * width)
  })
  return data
}

/** A number of each row for each task. */
type Columns = Record<Outcome, Float32Array>

const logitsOf = (model: RankModel, rows: readonly Impression[]): Promise<Columns> =>
  runOn(buildLogits(model, { columns: model.config.features }), rows)
const probabilitiesOf = (model: RankModel, rows: readonly Impression[]): Promise<Columns> =>
  runOn(buildScorer(model, { columns: model.config.features }), rows)

async function runOn(model: Uint8Array, impressions: readonly Impression[]): Promise<Columns> {
  const session = await openSession(model, { threads: 1 })
  try {
    const dims = [impressions.length, impressions[0]!.features.length]
    const found = await session.run({ features: { data: featuresOf(impressions), dims } })
    return { click: found['click']!.data, cart: found['cart']!.data, purchase: found['purchase']!.data }
  } finally {
    await session.close()
  }
}

function curvesOf(rows: readonly Impression[], scores: Columns): Record<Outcome, number | null> {
  const curve = (outcome: Outcome) =>
    areaUnderCurve(
      scores[outcome],
      rows.map(({ outcomes }) => outcomes[outcome]),
    )
  return { click: curve('click'), cart: curve('cart'), purchase: curve('purchase') }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Σ λ · log loss of each task, of whole chains. */
function weightedLoss(
  { taskWeights }: RankSettings,
  rows: readonly Impression[],
  logits: Columns,
  labelsOf: LabelsOf,
): number {
  const chain = new Float64Array(rows.length).fill(1)
  return OUTCOMES.reduce((sum, outcome) => {
    for (let row = 0; row < rows.length; row++) chain[row]! *= sigmoid(logits[outcome][row]!)
    const labels = rows.map((row) => labelsOf(row, outcome))
    return sum + taskWeights[outcome] * logLoss(chain, labels)
  }, 0)
}

function baseLoss(
  { taskWeights }: RankSettings,
  early: readonly Impression[],
  late: readonly Impression[],
  labelsOf: LabelsOf,
): number {
  return OUTCOMES.reduce((sum, outcome) => {
    const mean = early.reduce((total, row) => total + labelsOf(row, outcome), 0) / early.length
    const labels = late.map((row) => labelsOf(row, outcome))
    return sum + taskWeights[outcome] * logLoss(new Float64Array(late.length).fill(mean), labels)
  }, 0)
}

/** Each link of the chain on the rows that reached it. */
function calibrateOn(rows: readonly Impression[], logits: Columns, labelsOf: LabelsOf): Calibration {
  const linkOf = (outcome: Outcome, before: Outcome | null) =>
    calibrate(
      rows.flatMap((row, at): CalibrationRow[] => {
        const weight = before ? labelsOf(row, before) : 1
        return weight > 0 ? [{ logit: logits[outcome][at]!, label: labelsOf(row, outcome), weight }] : []
      }),
    )
  return {
    click: linkOf('click', null),
    cart: linkOf('cart', 'click'),
    purchase: linkOf('purchase', 'cart'),
  }
}
