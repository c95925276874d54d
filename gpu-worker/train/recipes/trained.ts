/** @file What every recipe gives back. */
import type { Checkpoint } from '../../model/checkpoint.ts'
import { createDelta, type Delta } from '../../model/delta.ts'
import type { RelevanceModel } from '../../model/relevance.ts'
import type { Tuning } from '../../model/tuning.ts'
import type { StageOutcome } from '../run-stage.ts'
import type { Tuned } from '../tune/tune.ts'

export type Trained = {
  model: Checkpoint
  /** What a parameter-efficient tuning learnt on the base; null where every weight moved, or where nobody has the base. */
  delta: Delta | null
  /** Names of the classes of a classification head, by number. */
  labels?: string[]
  /** What judges pairs, beside the model. */
  relevance?: RelevanceModel
  /** On data that was held out, by name. */
  metrics: Record<string, number>
  /** Of a recipe that searched for its settings. */
  tuned?: Tuned
}

/** What a stage tuned on the base that was given; null where every weight moved. */
export const deltaOf = (
  base: Checkpoint,
  tuning: Tuning,
  { tuned }: Pick<StageOutcome, 'tuned'>,
  labels?: readonly string[],
): Delta | null => (tuned && tuning.kind !== 'full' ? createDelta(base, tuning, tuned, labels) : null)
