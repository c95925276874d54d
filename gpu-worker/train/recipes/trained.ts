/** @file What every recipe gives back. */
import type { Checkpoint } from '../../model/checkpoint.ts'
import type { RelevanceModel } from '../../model/relevance.ts'
import type { CheckpointTensor } from '../../model/safetensors.ts'
import type { Tuned } from '../tune/tune.ts'

export type Trained = {
  model: Checkpoint
  /** What a parameter-efficient tuning added; null where every weight moved. */
  delta: Map<string, CheckpointTensor> | null
  /** Names of the classes of a classification head, by number. */
  labels?: string[]
  /** What judges pairs, beside the model. */
  relevance?: RelevanceModel
  /** On data that was held out, by name. */
  metrics: Record<string, number>
  /** Of a recipe that searched for its settings. */
  tuned?: Tuned
}
