/**
 * @file A trained ranker as a folder: `ranker.onnx` (features → click, cart, purchase) as the edge runs it, `explainer.onnx` (score and
 * its gradient, for integrated gradients), and `ranker.json`, what it is and how good.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { STEPS } from '../../shared/relevance/integrated-gradients.ts'
import { RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import { replaceFiles } from '../replace-files.ts'
import type { Monotonicity } from './monotone.ts'
import { OUTCOMES } from './multi-task.ts'
import { buildExplainer, buildScorer } from './scorer.ts'
import type { TrainedRanker } from './train-ranker.ts'

export type RankerCard = {
  format: 1
  /** Names of the first columns, in order; the columns behind them are not looked at. */
  features: readonly string[]
  outcomes: readonly string[]
  impressions: number
  seed: number
  examination: readonly number[]
  validation: TrainedRanker['validation']
  monotone: readonly (Omit<Monotonicity, 'column'> & { feature: string })[]
}

/** All files or none of a former ranker are replaced. */
export async function writeRanker(
  directory: string,
  { model }: Pick<TrainedRanker, 'model'>,
  card: Omit<RankerCard, 'format' | 'outcomes'>,
): Promise<void> {
  await mkdir(directory, { recursive: true })
  const columns = RANK_FEATURES_MAX
  const json = `${JSON.stringify({ format: 1, outcomes: OUTCOMES, ...card } satisfies RankerCard, null, 2)}\n`
  await replaceFiles([
    { path: join(directory, 'ranker.onnx'), bytes: buildScorer(model, { columns }) },
    { path: join(directory, 'explainer.onnx'), bytes: buildExplainer(model, { columns }, STEPS) },
    { path: join(directory, 'ranker.json'), bytes: new TextEncoder().encode(json) },
  ])
}
