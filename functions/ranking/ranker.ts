/**
 * @file Candidates' features → scores: by the ranker that the manifest names, and by a linear one, set by hand, where none is
 * named, or where the named one is not loaded yet, is not right, or is too slow. A reply that had to do with less says so.
 */
import { createRandom } from '../../shared/lib/random.ts'
import type { RankerRef } from '../../shared/schema/manifest.ts'
import { type Objective, OUTCOME_WORTH, RANK_OUTCOMES } from '../../shared/schema/objectives.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX, type RankFeature } from '../../shared/schema/rank-features.ts'
import type { ReadBucket } from './index-holder.ts'
import { createModelHolder, loadModelBlob } from './model-holder.ts'
import type { CreateSession, OrtSession } from './ort-session.ts'
import type { StageTimer } from './stages.ts'
import type { WaitUntil } from './wait-until.ts'

/** A ranker over its budget this often in a row is left out for a while: one slow run may be the machine's. */
export const SLOW_RUNS_MAX = 3
export const SLOW_PAUSE_MS = 30_000
const TRIAL_ROWS = 200
const TRIAL_SEED = 64

/** What a list is to be good for; a ranker that knows one kind of score alone does not look at it. */
export type Wanted = {
  objective: Objective
  /** f32[rows] ≥ 0, of `revenue`; absent, every item costs the same. */
  prices?: Float32Array
}
const BALANCED: Wanted = { objective: 'balanced' }

/** Features of candidates → scores. */
export type Ranker = {
  /**
   * @param features f32[rows, RANK_FEATURES_MAX], row-major; not looked at any more once this has returned
   * @returns        f32[rows], finite and ≥ 0, larger is better. A promise rejects when the ranker is not right.
   */
  score(features: Float32Array, rows: number, wanted?: Wanted): Float32Array | Promise<Float32Array>
}

/** In `degraded`: the manifest's ranker was not used. */
export type RankerFault = 'ranker-loading' | 'ranker-failed' | 'ranker-over-budget'
export type Scores = { scores: Float32Array; degraded: RankerFault[] }
/**
 * Answers at once where no model runs. To be called in the stage `rank`.
 *
 * @param ref      of the manifest; undefined where it names none
 * @param features as for `Ranker.score`
 */
export type Rank = (
  ref: RankerRef | undefined,
  features: Float32Array,
  rows: number,
  stages: StageTimer,
  waitUntil: WaitUntil,
  wanted?: Wanted,
) => Scores | Promise<Scores>

/** Shares of the score. */
export const LINEAR_WEIGHTS: Record<Exclude<RankFeature, 'seen'>, number> = {
  vector: 0.4,
  together: 0.35,
  category: 0.2,
  popular: 0.05,
  brand: 0.06,
  price: 0.03,
  fresh: 0.03,
  again: 0.4,
  sale: 0.02,
}
/** An item that was looked at already may come again, later in the list. */
export const SEEN_FACTOR = 0.35

const WEIGHTED = RANK_FEATURES.flatMap((name, column) =>
  name === 'seen' ? [] : [{ column, weight: LINEAR_WEIGHTS[name] }],
)
const SEEN_COLUMN = RANK_FEATURES.indexOf('seen')

/** score = Σ weight · feature, lowered for what was seen. */
export const linearRanker = {
  score(features: Float32Array, rows: number): Float32Array {
    const scores = new Float32Array(rows)
    for (let row = 0; row < rows; row++) {
      const from = row * RANK_FEATURES_MAX
      let score = 0
      for (const { column, weight } of WEIGHTED) score += weight * features[from + column]!
      scores[row] = score * (1 - (1 - SEEN_FACTOR) * features[from + SEEN_COLUMN]!)
    }
    return scores
  },
} satisfies Ranker

type Deps = { bucket: ReadBucket; clock: () => number; createSession: CreateSession }

export function createRank({ bucket, clock, createSession }: Deps): Rank {
  const models = createModelHolder({
    keyOf: ({ sha256 }: RankerRef) => sha256,
    clock,
    async load(ref: RankerRef) {
      const ranker = createOnnxRanker(await createSession(await loadModelBlob(bucket, ref)), ref)
      // Also the slow first run, of which no request shall be the victim.
      await ranker.score(trialFeatures(), TRIAL_ROWS)
      return Object.assign(ranker, { slowRuns: 0, pausedUntilMs: 0 })
    },
  })
  const linear = (features: Float32Array, rows: number, ...degraded: RankerFault[]): Scores => ({
    scores: linearRanker.score(features, rows),
    degraded,
  })

  return (ref, features, rows, stages, waitUntil, wanted = BALANCED) => {
    if (!ref) return linear(features, rows)
    const loaded = models.get(ref, waitUntil)
    if (!loaded.ok) return linear(features, rows, `ranker-${loaded.error.kind}`)
    const ranker = loaded.value
    if (clock() < ranker.pausedUntilMs) return linear(features, rows, 'ranker-over-budget')
    // By the time a run ends, another request may have written its features: what may be needed then is made now.
    const fallback = linear(features, rows, 'ranker-failed')
    return ranker.score(features, rows, wanted).then(
      (scores): Scores => {
        // The scores are paid for; what is spared is the next requests' time.
        ranker.slowRuns = stages.isOver() ? ranker.slowRuns + 1 : 0
        if (ranker.slowRuns >= SLOW_RUNS_MAX) {
          ranker.slowRuns = 0
          ranker.pausedUntilMs = clock() + SLOW_PAUSE_MS
        }
        return { scores, degraded: [] }
      },
      () => fallback,
    )
  }
}

/**
 * A ranker in ONNX: f32 features[n, RANK_FEATURES_MAX] → f32 score[n], or the probabilities `RANK_OUTCOMES`, each f32[n], of which the
 * objective makes a score. It is shown the features that it names, and zeros in the place of others.
 * Throws when it was made for other inputs, outputs or features.
 */
export function createOnnxRanker(session: OrtSession, { features: names }: Pick<RankerRef, 'features'>) {
  const unknown = names.find((name, column) => name !== RANK_FEATURES[column])
  if (unknown !== undefined)
    throw new Error(`the ranker wants "${unknown}", which is not the feature at its place`)
  const outputs = session.outputs.join()
  if (session.inputs.join() !== 'features' || (outputs !== 'score' && outputs !== RANK_OUTCOMES.join()))
    throw new Error(`the ranker has inputs ${session.inputs} and outputs ${session.outputs}`)
  return {
    async score(features: Float32Array, rows: number, wanted: Wanted = BALANCED): Promise<Float32Array> {
      const data = new Float32Array(rows * RANK_FEATURES_MAX)
      for (let from = 0; from < data.length; from += RANK_FEATURES_MAX)
        for (let column = 0; column < names.length; column++) data[from + column] = features[from + column]!
      const found = await session.run({ features: { data, shape: [rows, RANK_FEATURES_MAX] } })
      for (const name of session.outputs)
        if (found[name]?.length !== rows)
          throw new Error(`the ranker gives ${found[name]?.length} of ${name} for ${rows} rows`)
      const score = found['score'] ?? worthOf(found, rows, wanted)
      if (!score.every((x) => x >= 0 && x < Number.POSITIVE_INFINITY))
        throw new Error('the ranker gives scores that are negative or not finite')
      return score
    },
    release: () => session.release(),
  }
}

/** score = Σ worth · p, scaled to [0, 1]; for revenue times the price against the dearest candidate's. */
function worthOf(
  probabilities: Record<string, Float32Array>,
  rows: number,
  { objective, prices }: Wanted,
): Float32Array {
  const worth = OUTCOME_WORTH[objective]
  const total = worth.reduce((sum, one) => sum + one, 0)
  const scores = new Float32Array(rows)
  RANK_OUTCOMES.forEach((outcome, at) => {
    const column = probabilities[outcome]!
    for (let row = 0; row < rows; row++) scores[row]! += (worth[at]! / total) * column[row]!
  })
  if (objective !== 'revenue' || !prices) return scores
  const dearest = prices.reduce((most, price) => Math.max(most, price), 0)
  return dearest > 0 ? scores.map((score, row) => (score * prices[row]!) / dearest) : scores
}

function trialFeatures(): Float32Array {
  const random = createRandom(TRIAL_SEED)
  return Float32Array.from({ length: TRIAL_ROWS * RANK_FEATURES_MAX }, random)
}
