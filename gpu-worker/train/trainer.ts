/**
 * @file The loop: batch → gradient → clip → AdamW, with validation, the best parameters kept, and a state file. Knows nothing
 * of what is learnt: tasks bring batches, `validate` brings a metric.
 */
import { assert } from '../../shared/lib/result.ts'
import type { CheckpointTensor } from '../model/safetensors.ts'
import type { AdamWOptions } from './adamw.ts'
import type { Batch, Outcome, Plan } from './cpu-plan.ts'
import { type Optimiser, openOptimiser } from './optimiser.ts'
import { flatten, type ParameterLayout, sharedVector, unflatten } from './parameters.ts'
import { rateAt, type Schedule } from './schedule.ts'
import { readState, type TrainingState, writeState } from './state-file.ts'

export type Task = {
  name: string
  /** Its share in the loss of a step. */
  weight: number
  /** The batch of a draw, from 0. The same draw gives the same batch, whatever was asked for before. */
  batchAt(draw: number): Batch
}
export type Validation = {
  everySteps: number
  /** Larger is better. */
  metricOf(tensors: Map<string, CheckpointTensor>, step: number): Promise<number>
  /** Validations in a row without a better metric after which the run stops; Infinity never stops. */
  patience: number
}
/** What a tuning does to the parameters between steps; AdaLoRA spends its budget of ranks here. */
export type AfterStep = {
  apply(step: number, parameters: Float32Array, gradient: Float32Array): void
  /** What `apply` remembers, as part of the state. */
  memory: ReadonlyMap<string, Float32Array>
}
export type StepReport = {
  step: number
  loss: number
  /** By task, with what it shows. */
  outcomes: Readonly<Record<string, Outcome>>
  rate: number
  /** ‖g‖ before clipping. */
  gradientNorm: number
  texts: number
}
export type TrainerOptions = {
  layout: ParameterLayout
  initial: ReadonlyMap<string, CheckpointTensor>
  plan: Plan
  tasks: readonly Task[]
  schedule: Schedule
  adamW: AdamWOptions
  /** Largest ‖g‖; Infinity for none. */
  clipNorm: number
  /** Batches of each task per step. */
  accumulate: number
  /** Of the optimiser; the plan has its own. */
  threads: number
  seed: number
  fingerprint: string
  validation?: Validation
  afterStep?: AfterStep
  /** Where the state goes, and after how many steps each; absent keeps none. */
  state?: { path: string; everySteps: number }
  signal?: AbortSignal
  /** Said before each step: true ends the run with the best so far. What a clock decides is not repeatable. */
  isOutOfTime?(): boolean
  /** With the steps that were done before, 0 or more when a state was found, and the best metric until then. */
  onStart?(step: number, best: number | null): void
  onStep?(report: StepReport): void
  onValidation?(step: number, metric: number, isBest: boolean): void
  /** A look inside: the parameters after every so many steps and the gradient that moved them, before clipping. Not to be kept. */
  watch?: { everySteps: number; look(step: number, parameters: Float32Array, gradient: Float32Array): void }
}
export type TrainingResult = {
  /** `not-finite`: a loss or gradient was NaN or infinite at `step`; the parameters are those before it. */
  reason: 'finished' | 'early-stopped' | 'out-of-time' | 'stopped' | 'not-finite'
  /** Steps done. */
  step: number
  best: { step: number; metric: number } | null
  /** At the best validation, or the last ones where nothing was validated. */
  tensors: Map<string, CheckpointTensor>
}

/** Error of a state file that cannot be gone on with; the message says what to do. */
export class StateError extends Error {}

export async function train(options: TrainerOptions): Promise<TrainingResult> {
  const { layout, adamW, threads } = options
  const state = await startingState(options)
  const gradient = sharedVector(layout.size)
  const optimiser = openOptimiser({ layout, state: state.vectors, gradient, adamW, threads })
  try {
    return await takeSteps(options, state, gradient, optimiser)
  } finally {
    await optimiser.close()
  }
}

async function takeSteps(
  options: TrainerOptions,
  state: TrainingState,
  gradient: Float32Array,
  optimiser: Optimiser,
): Promise<TrainingResult> {
  const { layout, plan, schedule, validation, watch, afterStep, seed } = options
  const { vectors, progress } = state
  options.onStart?.(progress.step, progress.best?.metric ?? null)

  const save = async () => {
    if (options.state)
      await writeState(options.state.path, { ...state, extra: afterStep?.memory ?? new Map() })
  }
  const result = (reason: TrainingResult['reason']): TrainingResult => ({
    reason,
    step: progress.step,
    best: progress.best,
    tensors: unflatten(layout, state.best ?? vectors.parameters),
  })

  while (progress.step < schedule.steps) {
    if (validation && progress.stale >= validation.patience) return result('early-stopped')
    if (options.isOutOfTime?.()) {
      await save()
      return result('out-of-time')
    }
    if (options.signal?.aborted) {
      await save()
      return result('stopped')
    }
    const step = progress.step + 1
    gradient.fill(0)
    const outcomes: Record<string, Outcome> = {}
    let loss = 0
    let texts = 0
    for (let part = 0; part < options.accumulate; part++)
      for (const task of options.tasks) {
        const draw = (step - 1) * options.accumulate + part
        const batch = task.batchAt(draw)
        const weight = task.weight / options.accumulate
        const isFirst = part === 0 && task === options.tasks[0]
        const outcome = await plan.addGradient(
          vectors.parameters,
          batch,
          weight,
          mix(seed, draw),
          gradient,
          isFirst,
        )
        outcomes[task.name] = outcome
        loss += weight * outcome.loss
        texts += batch.texts
      }
    const norm = await optimiser.gradientNorm()
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      await save()
      return result('not-finite')
    }
    const rate = rateAt(schedule, step)
    const scale = norm > options.clipNorm ? options.clipNorm / norm : 1
    await optimiser.step({ rate, step, scale })
    afterStep?.apply(step, vectors.parameters, gradient)
    progress.step = step
    options.onStep?.({ step, loss, outcomes, rate, gradientNorm: norm, texts })

    const isLast = step === schedule.steps
    if (watch && (step % watch.everySteps === 0 || isLast)) watch.look(step, vectors.parameters, gradient)
    if (validation && (step % validation.everySteps === 0 || isLast)) {
      const metric = await validation.metricOf(unflatten(layout, vectors.parameters), step)
      const isBest = !progress.best || metric > progress.best.metric
      if (isBest) {
        progress.best = { step, metric }
        state.best = vectors.parameters.slice()
      }
      progress.stale = isBest ? 0 : progress.stale + 1
      options.onValidation?.(step, metric, isBest)
    }
    if (options.state && (step % options.state.everySteps === 0 || isLast)) await save()
    // Runs keep the thread to themselves: signals and timers get their turn here.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return result('finished')
}

async function startingState(options: TrainerOptions): Promise<TrainingState> {
  const { layout, fingerprint, state, afterStep } = options
  if (state) {
    const found = await readState(state.path, layout.size, fingerprint)
    if (!found.ok) throw new StateError(found.error)
    if (found.value) {
      for (const [name, values] of afterStep?.memory ?? []) {
        const kept = found.value.extra.get(name)
        assert(kept?.length === values.length, `the state has ${name}`)
        values.set(kept)
      }
      return found.value
    }
  }
  return {
    progress: { step: 0, stale: 0, best: null, fingerprint },
    vectors: {
      parameters: flatten(layout, options.initial),
      first: sharedVector(layout.size),
      second: sharedVector(layout.size),
    },
    best: null,
    extra: new Map(),
  }
}

/** A seed of its own for each draw. Source: the finaliser of MurmurHash3. */
export function mix(seed: number, draw: number): number {
  let h = (seed ^ Math.imul(draw + 1, 0x9e3779b1)) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
