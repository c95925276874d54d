/** @file One stage of a recipe, from a checkpoint to the next: parameters laid out, graphs made, the loop run, results kept. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createRandom } from '../../shared/lib/random.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import type { ParameterSpec } from '../model/config.ts'
import type { CheckpointTensor } from '../model/safetensors.ts'
import { initialValues } from '../model/seeded.ts'
import { mergeDelta, tuningSpecs } from '../model/tuning.ts'
import { createRankBudget } from './adalora.ts'
import { createCpuPlan } from './cpu-plan.ts'
import { histogramsOf, watchedParameters } from './histogram.ts'
import type { Journal } from './journal.ts'
import { layOut } from './parameters.ts'
import type { Optimisation } from './recipe.ts'
import type { Measured } from './retrieval-metric.ts'
import { mix, type Task, type TrainingResult, train } from './trainer.ts'
import type { Translator } from './translate/translator.ts'

export type Context = {
  /** Folder of the state files. */
  directory: string
  /** Folder of what runs with other settings may share: equal to `directory`, but for candidates of a search. */
  sharedDirectory: string
  threads: number
  /** For recipes with back-translation. */
  translator?: Translator
  journal: Journal
  signal?: AbortSignal
  /** Unix time after which each stage ends with the best that it has. */
  deadlineMs?: number
  /** Identity of recipe and data: a state is resumed only under the same. */
  fingerprint: string
}
export type Stage = {
  name: string
  base: Checkpoint
  /** Tensors to start at random beside those of the base. */
  heads: readonly ParameterSpec[]
  settings: Optimisation
  seed: number
  tasks: readonly Task[]
  /** Larger is better; of the model as it would be used. */
  metric?: { name: string; of(model: Checkpoint): Promise<Measured> }
}
export type StageOutcome = Omit<TrainingResult, 'tensors'> & {
  model: Checkpoint
  /** What a parameter-efficient tuning learnt, apart from the base it belongs to. */
  delta: Map<string, CheckpointTensor> | null
}

/** A stage ended before its time, and what it had was kept. */
export class StageStopped extends Error {
  readonly reason: 'stopped' | 'not-finite'
  readonly step: number
  constructor(stage: string, reason: 'stopped' | 'not-finite', step: number) {
    super(
      reason === 'stopped'
        ? `Stopped in stage ${stage} after step ${step}; the same command goes on from there.`
        : `Stage ${stage}: the loss or its gradient was not a finite number at step ${step + 1}. The state before it was kept; lower the rate and start again.`,
    )
    this.reason = reason
    this.step = step
  }
}

export async function runStage(stage: Stage, context: Context): Promise<StageOutcome> {
  const { base, settings, seed, name } = stage
  const { tuning } = settings
  const added = new Map(
    [...stage.heads, ...tuningSpecs(base.config, tuning)]
      .filter((spec) => !base.heads.has(spec.name))
      .map((spec) => [spec.name, initialTensor(spec, seed)]),
  )
  const everything = new Map([...base.tensors, ...base.heads, ...added])
  const headNames = new Set(stage.heads.map((spec) => spec.name))
  const isTrained = (tensor: string) =>
    tuning.kind === 'full'
      ? base.tensors.has(tensor) || headNames.has(tensor)
      : added.has(tensor) || headNames.has(tensor)
  const layout = layOut(
    [...everything].filter(([tensor]) => isTrained(tensor)).map(([tensor, { shape }]) => [tensor, shape]),
  )
  const modelOf = (trained: ReadonlyMap<string, CheckpointTensor>): Checkpoint => {
    const all = new Map([...everything, ...trained])
    const tensors = new Map([...base.tensors.keys()].map((tensor) => [tensor, all.get(tensor)!]))
    const heads = new Map([...all].filter(([tensor]) => !base.tensors.has(tensor)))
    if (tuning.kind !== 'lora' && tuning.kind !== 'adalora') return { ...base, trained: true, tensors, heads }
    const kept = new Map([...heads].filter(([tensor]) => !/\.lora_[ABE]$/.test(tensor)))
    return { ...base, trained: true, tensors: mergeDelta(tensors, heads, tuning), heads: kept }
  }

  const plan = createCpuPlan(base.config, layout, {
    frozen: everything,
    tuning,
    dropout: settings.dropout,
    threads: context.threads,
    seed,
    ...(settings.adversarial ? { adversarial: settings.adversarial } : {}),
  })
  const watched = watchedParameters(layout)
  const fingerprint = stageFingerprint(stage, context)
  const log = context.journal.stage(name, settings.steps, stage.metric?.name ?? null)
  try {
    const result = await train({
      layout,
      initial: everything,
      plan,
      tasks: stage.tasks,
      schedule: {
        kind: settings.schedule,
        rate: settings.rate,
        warmUpSteps: Math.round(settings.warmUp * settings.steps),
        steps: settings.steps,
        floor: settings.floor,
      },
      adamW: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: settings.weightDecay },
      clipNorm: settings.clipNorm,
      accumulate: settings.accumulate,
      threads: context.threads,
      seed,
      fingerprint,
      state: { path: statePath(stage, context, fingerprint), everySteps: settings.saveEverySteps },
      ...(stage.metric
        ? {
            validation: {
              everySteps: settings.validateEverySteps,
              patience: settings.patience,
              async metricOf(tensors, step) {
                const { value, samples } = await stage.metric!.of(modelOf(tensors))
                if (samples) log.samples(step, samples)
                return value
              },
            },
          }
        : {}),
      ...(tuning.kind === 'adalora' ? { afterStep: createRankBudget(layout, tuning, settings.steps) } : {}),
      ...(context.deadlineMs === undefined ? {} : { isOutOfTime: () => Date.now() > context.deadlineMs! }),
      ...(context.signal ? { signal: context.signal } : {}),
      onStart: (step, best) => log.start(step, best),
      onStep: (report) => log.step(report),
      onValidation: (step, metric, isBest) => log.validation(step, metric, isBest),
      watch: {
        everySteps: settings.validateEverySteps,
        look: (step, parameters, gradient) =>
          log.tensors(step, {
            parameters: histogramsOf(watched, parameters),
            gradients: histogramsOf(watched, gradient),
          }),
      },
    })
    if (result.reason === 'stopped' || result.reason === 'not-finite')
      throw new StageStopped(name, result.reason, result.step)
    const { tensors, ...outcome } = result
    log.end(outcome)
    return { ...outcome, model: modelOf(tensors), delta: tuning.kind === 'full' ? null : tensors }
  } finally {
    await plan.close()
  }
}

/** A stage without a metric says nothing of a candidate; one that others want too is found by its fingerprint. */
function statePath(
  { name, metric }: Stage,
  { directory, sharedDirectory }: Context,
  fingerprint: string,
): string {
  return metric || directory === sharedDirectory
    ? join(directory, `${name}.state.safetensors`)
    : join(sharedDirectory, `${name}.${fingerprint.slice(0, 16)}.state.safetensors`)
}

function stageFingerprint({ name, base, settings, seed }: Stage, { fingerprint }: Context): string {
  const hash = createHash('sha256').update(JSON.stringify([name, base.config, settings, seed, fingerprint]))
  for (const { data } of base.tensors.values())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return hash.digest('hex')
}

function initialTensor({ name, shape, initial }: ParameterSpec, seed: number): CheckpointTensor {
  const count = shape.reduce((product, dim) => product * dim, 1)
  // A stream for each tensor: adding a head does not change how the others start.
  let stream = seed
  for (const character of name) stream = mix(stream, character.codePointAt(0)!)
  return { shape, data: initialValues(initial, count, createRandom(stream)) }
}
