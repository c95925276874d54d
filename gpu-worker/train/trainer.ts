/**
 * @file The loop: batches → steps, with validation, the best parameters kept, and a state file. Knows nothing of what is
 * learnt (tasks bring batches, `validate` brings a metric) nor of where a step is computed (a plan does it).
 */
import { assert } from '../../shared/lib/result.ts'
import type { CheckpointTensor } from '../model/safetensors.ts'
import { flatten, type ParameterLayout, sharedVector, unflatten } from './parameters.ts'
import type { Batch, Outcome, Plan, Step } from './plan.ts'
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
  /** Batches of each task per step. */
  accumulate: number
  seed: number
  fingerprint: string
  validation?: Validation
  /** Where the state goes, and after how many steps each; absent keeps none. */
  state?: { path: string; everySteps: number }
  signal?: AbortSignal
  /** Said before the plan goes on: true ends the run with the best so far. What a clock decides is not repeatable. */
  isOutOfTime?(): boolean
  /** With the steps that were done before, 0 or more when a state was found, and the best metric until then. */
  onStart?(step: number, best: number | null): void
  onStep?(report: StepReport): void
  onValidation?(step: number, metric: number, isBest: boolean): void
  /** A look inside: the parameters after every so many steps, and the plan's gradient. Not to be kept. */
  watch?: {
    everySteps: number
    look(step: number, parameters: Float32Array, gradient: Float32Array | null): void
  }
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
/** The state could not be written, for want of room as a rule; the message says from where the run goes on. */
export class SaveError extends Error {
  constructor(path: string, step: number, savedStep: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const before =
      savedStep > 0
        ? `That of step ${savedStep} is whole: make room, and the same command goes on from there.`
        : 'There is none from before: make room and start again.'
    super(`The state after step ${step} could not be written to ${path}: ${reason}. ${before}`, { cause })
  }
}

export async function train(options: TrainerOptions): Promise<TrainingResult> {
  const { layout, plan, schedule, validation, watch } = options
  const state = await startingState(options)
  const { vectors, progress } = state
  await plan.begin(vectors)
  options.onStart?.(progress.step, progress.best?.metric ?? null)

  let savedStep = progress.step
  const save = async () => {
    if (!options.state) return
    const { path } = options.state
    await plan.sync()
    try {
      await writeState(path, { ...state, extra: plan.memory })
    } catch (cause) {
      throw new SaveError(path, progress.step, savedStep, cause)
    }
    savedStep = progress.step
  }
  const result = async (reason: TrainingResult['reason']): Promise<TrainingResult> => {
    await plan.sync()
    const tensors = unflatten(layout, state.best ?? vectors.parameters)
    return { reason, step: progress.step, best: progress.best, tensors }
  }

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
    const steps = nextSteps(options, progress.step)
    const outcomes = await plan.advance(steps)
    for (const [at, { loss, gradientNorm, parts }] of outcomes.entries()) {
      const { number, rate, texts } = steps[at]!
      progress.step = number
      options.onStep?.({
        step: number,
        loss,
        outcomes: byTask(options.tasks, parts),
        rate,
        gradientNorm,
        texts,
      })
    }
    if (outcomes.length < steps.length) {
      await save()
      return result('not-finite')
    }

    const { step } = progress
    const isLast = step === schedule.steps
    if (watch && (step % watch.everySteps === 0 || isLast)) {
      await plan.sync()
      watch.look(step, vectors.parameters, plan.gradient)
    }
    if (validation && (step % validation.everySteps === 0 || isLast)) {
      await plan.sync()
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

/** As many steps as the plan takes at once, ending where the state is wanted: at a validation, a save, the end. */
function nextSteps(
  { plan, schedule, tasks, accumulate, seed, validation, watch, state }: TrainerOptions,
  done: number,
): (Step & { texts: number })[] {
  const untilNext = (every: number) => every - (done % every)
  const count = Math.min(
    plan.stepsMax,
    schedule.steps - done,
    ...[validation, watch, state].flatMap((stop) => (stop ? [untilNext(stop.everySteps)] : [])),
  )
  return Array.from({ length: count }, (_, index) => {
    const number = done + index + 1
    const parts = Array.from({ length: accumulate }, (_, part) => (number - 1) * accumulate + part).flatMap(
      (draw) =>
        tasks.map((task) => ({
          batch: task.batchAt(draw),
          weight: task.weight / accumulate,
          seed: mix(seed, draw),
        })),
    )
    const texts = parts.reduce((sum, { batch }) => sum + batch.texts, 0)
    return { number, rate: rateAt(schedule, number), parts, texts }
  })
}

/** The parts of a step come task after task; of the accumulated ones the last is shown. */
const byTask = (tasks: readonly Task[], parts: readonly Outcome[]): Record<string, Outcome> =>
  Object.fromEntries(parts.map((outcome, at) => [tasks[at % tasks.length]!.name, outcome]))

async function startingState(options: TrainerOptions): Promise<TrainingState> {
  const { layout, fingerprint, state, plan } = options
  if (state) {
    const found = await readState(state.path, layout.size, fingerprint)
    if (!found.ok) throw new StateError(found.error)
    if (found.value) {
      for (const [name, values] of plan.memory) {
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
