/**
 * @file What the loop asks of whatever computes its steps. A plan may make one step at a time on the CPU, or many on a card
 * before anybody looks; the loop does not know which.
 */
import type { FloatTensor, Tensor } from '../runtime/session.ts'
import type { AdamWOptions, AdamWState } from './adamw.ts'
import type { EmitLoss } from './network.ts'
import type { StepModelOptions } from './step-model.ts'

/** A batch: its graph, which depends on `shape` alone, and its numbers. */
export type Batch = {
  /** Names the graph among all batches of a run: objective and sizes. */
  shape: string
  emit: EmitLoss
  feeds: Readonly<Record<string, Tensor>>
  /** Texts in it, for the speed shown. */
  texts: number
}
/** A batch within a step: `weight` is its share in the loss, `seed` its dropout's. */
export type Part = { batch: Batch; weight: number; seed: number }
/** `number` counts from 1. */
export type Step = { number: number; rate: number; parts: readonly Part[] }

/** What a batch showed, with its loss before the weight. */
export type Outcome = { loss: number; shown: Readonly<Record<string, FloatTensor>> }
export type StepOutcome = {
  loss: number
  /** ‖g‖ before clipping. */
  gradientNorm: number
  /** In the order of the parts. */
  parts: Outcome[]
}

/** What a tuning does to the parameters between steps; AdaLoRA spends its budget of ranks here. */
export type AfterStep = {
  apply(step: number, parameters: Float32Array, gradient: Float32Array): void
  /** What `apply` remembers. */
  memory: ReadonlyMap<string, Float32Array>
}

export type Plan = {
  /** Steps worth handing over at once. */
  stepsMax: number
  /** Take the state over. From now on the vectors are the plan's, and true only after `sync`. */
  begin(state: AdamWState): Promise<void>
  /**
   * Make steps, in order. Fewer outcomes than steps: the next one had a loss or a gradient that was not finite, and the
   * state is the one before it.
   */
  advance(steps: readonly Step[]): Promise<StepOutcome[]>
  /** Bring the vectors given to `begin` up to date. */
  sync(): Promise<void>
  /** That moved the parameters last, before clipping; null where gradients stay on a card. */
  gradient: Float32Array | null
  /** What the plan remembers beside the state, to be saved and restored with it, in place. */
  memory: ReadonlyMap<string, Float32Array>
  close(): Promise<void>
}

export type PlanOptions = Omit<StepModelOptions, 'trained'> & {
  adamW: AdamWOptions
  /** Largest ‖g‖; Infinity for none. */
  clipNorm: number
  threads: number
  /** Of the dropout pool. */
  seed: number
}

export const isSound = ({ loss, gradientNorm }: StepOutcome): boolean =>
  Number.isFinite(loss) && Number.isFinite(gradientNorm)
