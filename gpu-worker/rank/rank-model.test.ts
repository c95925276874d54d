/** @file The ranker on simulated impressions of which the truth is known, and the laws of its parts. */
import { beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { calibrationError } from '../../shared/metrics/probability.ts'
import { attribute, pathPoints, STEPS } from '../../shared/relevance/integrated-gradients.ts'
import {
  examinationAt,
  FEATURES,
  PLACES,
  simulateImpressions,
} from '../../test/fixtures/simulated-impressions.ts'
import { openSession } from '../runtime/session.ts'
import { DataError } from '../train/examples.ts'
import { calibrate } from './calibrate.ts'
import { estimateExamination } from './examination.ts'
import type { Impression } from './impressions.ts'
import { checkMonotone } from './monotone.ts'
import { OUTCOMES, type Outcome } from './multi-task.ts'
import { buildExplainer, buildScorer, type RankModel } from './scorer.ts'
import { RANK_DEFAULTS, type RankSettings, type TrainedRanker, trainRanker } from './train-ranker.ts'

const COLUMNS = { columns: FEATURES }
const quick: RankSettings = { ...RANK_DEFAULTS, hidden: 16, experts: 2, tower: 8, epochs: 6, rate: 0.01 }
const log = simulateImpressions(4_000, 1)
const later = simulateImpressions(500, 2)

const rowsOf = (impressions: readonly Impression[]) => {
  const data = new Float32Array(impressions.length * FEATURES)
  impressions.forEach(({ features }, row) => {
    data.set(features, row * FEATURES)
  })
  return { data, dims: [impressions.length, FEATURES] }
}
async function scoresOf(model: RankModel, features = rowsOf(later)): Promise<Record<Outcome, Float32Array>> {
  const session = await openSession(buildScorer(model, COLUMNS), { threads: 1 })
  const found = await session.run({ features })
  await session.close()
  return { click: found['click']!.data, cart: found['cart']!.data, purchase: found['purchase']!.data }
}
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, x) => sum + x, 0) / values.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let at = 0; at < a.length; at++) {
    ab += (a[at]! - ma) * (b[at]! - mb)
    aa += (a[at]! - ma) ** 2
    bb += (b[at]! - mb) ** 2
  }
  return ab / Math.sqrt(aa * bb)
}
const truth = (outcome: Outcome) => later.map(({ wanted }) => wanted[outcome])

describe('a ranker that learns from clicks', () => {
  let trained: TrainedRanker
  beforeAll(async () => {
    trained = await trainRanker(log, quick, 7)
  })

  it('finds what shoppers want, behind the places at which things were shown', async () => {
    const scores = await scoresOf(trained.model)
    for (const outcome of OUTCOMES)
      expect(correlation(scores[outcome], truth(outcome)), outcome).toBeGreaterThan(0.9)
    const naive = await trainRanker(log, { ...quick, examinationMin: 1 }, 7)
    const naiveScores = await scoresOf(naive.model)
    for (const outcome of OUTCOMES)
      expect(correlation(scores[outcome], truth(outcome)), outcome).toBeGreaterThan(
        correlation(naiveScores[outcome], truth(outcome)) + 0.05,
      )
  })

  it('says how often, not only what first: its probabilities are shares of what is looked at', async () => {
    const scores = await scoresOf(trained.model)
    for (const outcome of OUTCOMES)
      expect(calibrationError(scores[outcome], truth(outcome)), outcome).toBeLessThan(0.03)
  })

  it('never holds a purchase for likelier than a cart, or a cart than a click', async () => {
    const { click, cart, purchase } = await scoresOf(trained.model)
    click.forEach((p, row) => {
      expect(p).toBeGreaterThanOrEqual(cart[row]!)
      expect(cart[row]!).toBeGreaterThanOrEqual(purchase[row]!)
    })
  })

  it('is better than the shares of the outcomes, on later requests', () => {
    const { logLoss, baseLogLoss, requests } = trained.validation
    expect(requests).toBe(800)
    expect(logLoss).toBeLessThan(baseLogLoss)
  })

  it('is the same twice, and scores a row alone as among others', async () => {
    const again = await trainRanker(log, quick, 7)
    expect(again.model).toEqual(trained.model)
    const alone = await scoresOf(trained.model, rowsOf(later.slice(3, 4)))
    expect(alone.click[0]).toBeCloseTo((await scoresOf(trained.model)).click[3]!, 6)
  })

  it('has one bottom for all tasks, if wanted', async () => {
    const shared = await trainRanker(log, { ...quick, kind: 'shared-bottom' }, 7)
    expect([...shared.model.tensors.keys()].some((name) => name.startsWith('gates'))).toBe(false)
    expect(correlation((await scoresOf(shared.model)).click, truth('click'))).toBeGreaterThan(0.9)
  })

  it('gives attributions that sum to the difference of the scores', async () => {
    const weights = { data: Float32Array.of(0.2, 0.3, 0.5), dims: [3] }
    const explainer = await openSession(buildExplainer(trained.model, COLUMNS, STEPS), { threads: 1 })
    const baseline = new Float32Array(FEATURES).fill(0.1)
    for (const { features } of later.slice(0, 20)) {
      const points = pathPoints(baseline, features)
      const { gradient } = await explainer.run({
        features: { data: points, dims: [STEPS, FEATURES] },
        weights,
      })
      const parts = attribute(baseline, features, gradient!.data)
      const ends = new Float32Array(STEPS * FEATURES)
      ends.set(baseline)
      ends.set(features, FEATURES)
      const { score } = await explainer.run({ features: { data: ends, dims: [STEPS, FEATURES] }, weights })
      const difference = score!.data[1]! - score!.data[0]!
      // What the points leave open at kinks.
      expect(Math.abs(parts.reduce((sum, part) => sum + part, 0) - difference)).toBeLessThan(
        0.01 * Math.max(0.05, Math.abs(difference)),
      )
    }
    await explainer.close()
  })

  it('is found to rise with taste, and to fall with the price where purchases are asked for', async () => {
    const session = await openSession(buildScorer(trained.model, COLUMNS), { threads: 1 })
    const score = async (data: Float32Array, rows: number) =>
      (await session.run({ features: { data, dims: [rows, FEATURES] } }))['purchase']!.data
    const rows = later.map(({ features }) => features)
    const [taste, price] = await checkMonotone(score, rows, [0, 3])
    await session.close()
    expect(taste!.violations).toBeLessThan(price!.violations)
    expect(price!.worstFall).toBeGreaterThan(0.05)
  })
})

describe('how places are looked at', () => {
  it('is told from clicks to within .08, although good items stood further up', () => {
    const theta = estimateExamination(simulateImpressions(4_000, 3))
    for (let position = 1; position <= PLACES; position++)
      expect(Math.abs(theta[position - 1]! - examinationAt(position)), `place ${position}`).toBeLessThan(0.08)
  })

  it('never rises down the list', () => {
    const theta = estimateExamination(simulateImpressions(50, 4))
    for (let place = 1; place < theta.length; place++)
      expect(theta[place]!).toBeLessThanOrEqual(theta[place - 1]!)
  })
})

describe('calibration', () => {
  it('finds the scale and the offset by which logits were off', () => {
    const random = createRandom(5)
    const rows = Array.from({ length: 20_000 }, () => {
      const logit = 6 * random() - 3
      const p = 1 / (1 + Math.exp(-(0.5 * logit - 1)))
      return { logit, label: random() < p ? 1 : 0, weight: 1 }
    })
    const { scale, offset } = calibrate(rows)
    expect(scale).toBeCloseTo(0.5, 1)
    expect(offset).toBeCloseTo(-1, 1)
  })

  it('without rows changes nothing', () => {
    expect(calibrate([])).toEqual({ scale: 1, offset: 0 })
  })
})

describe('data that cannot be learnt from is refused in a sentence', () => {
  const row = (change: Partial<Impression> = {}): Impression => ({
    request: 'r',
    item: 'i',
    position: 1,
    features: Float32Array.of(0.5),
    outcomes: { click: 1, cart: 0, purchase: 0 },
    ...change,
  })
  const unclicked = row({ outcomes: { click: 0, cart: 0, purchase: 0 } })

  it.each<[string, Impression[], string]>([
    ['nothing', [], 'no impression'],
    ['no click', [unclicked, unclicked], '0 were clicked'],
    ['only clicks', [row(), row()], '2 were clicked'],
    [
      'a feature beyond 1',
      [row(), { ...unclicked, features: Float32Array.of(2) }],
      'Impression 2 has a feature',
    ],
    [
      'a feature that is no number',
      [row({ features: Float32Array.of(Number.NaN) }), unclicked],
      'Impression 1',
    ],
    ['rows of two widths', [row(), { ...unclicked, features: new Float32Array(2) }], '2 features'],
    ['a place before the first', [row({ position: 0 }), unclicked], 'position 0'],
    [
      'a purchase without a cart',
      [row({ outcomes: { click: 1, cart: 0, purchase: 1 } }), unclicked],
      'without the one before it',
    ],
  ])('%s', async (_, rows, sentence) => {
    const training = trainRanker(rows, quick, 1)
    await expect(training).rejects.toThrow(DataError)
    await expect(training).rejects.toThrow(sentence)
  })
})
