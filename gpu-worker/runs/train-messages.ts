/** @file What the training thread and the worker say to each other. */
import type { Checkpoint } from '../model/checkpoint.ts'
import type { Provider } from '../runtime/session.ts'
import type { TrainingData } from '../train/examples.ts'
import type { ProgressLine } from '../train/journal.ts'
import type { Recipe } from '../train/recipe.ts'
import type { Trained } from '../train/recipes/trained.ts'

export type TrainTask = {
  recipe: Recipe
  data: TrainingData
  base: Checkpoint | null
  /** Folder of the state, which a worker on the same machine goes on from. */
  directory: string
  threads: number
  provider: Provider
  deadlineMs: number
}
export type TrainReply =
  | { kind: 'progress'; line: ProgressLine }
  | { kind: 'trained'; trained: Trained; fingerprint: string }
  /** `isOurs` false: the data or the recipe is at fault, and a repeat would fail again. */
  | { kind: 'failed'; reason: string; isOurs: boolean }
export type TrainOrder = { kind: 'stop' }
