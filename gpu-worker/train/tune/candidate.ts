/** @file One candidate of a search, trained until it has had so many steps or time is up; the same call goes on from there. */
import type { Journal } from '../journal.ts'
import type { Recipe } from '../recipe.ts'
import type { Trained } from '../recipes/trained.ts'
import { type Context, StageStopped } from '../run-stage.ts'

export type Train = (recipe: Recipe, context: Context) => Promise<Trained>
export type Seen = {
  /** Best of the stage that it came to; null before a first validation. */
  metric: number | null
  /** Had so far, over all stages with a metric. */
  validations: number
  /** Training up to it included; null when none was made. */
  secondsPerValidation: number | null
}
export type Reached = Seen & { end: 'whole' | 'paused' | 'out-of-time' | 'not-finite' }

type Options = {
  name: string
  recipe: Recipe
  context: Context
  train: Train
  nowMs(): number
  /** Steps from one validation to the next. */
  everySteps: number
  /** It pauses after so many. */
  validations: number
  giveUpAtMs: number
}

/** @throws StageStopped when the signal of the context says so */
export async function trainCandidate(options: Options): Promise<Reached> {
  const { context, validations, giveUpAtMs, nowMs } = options
  const stop = new AbortController()
  const { journal, seen } = watchCandidate(options, () => {
    if (seen.validations >= validations || nowMs() > giveUpAtMs) stop.abort()
  })
  try {
    const signal = context.signal ? AbortSignal.any([context.signal, stop.signal]) : stop.signal
    await options.train(options.recipe, { ...context, journal, signal })
    return { ...seen, end: 'whole' }
  } catch (error) {
    if (!(error instanceof StageStopped) || context.signal?.aborted) throw error
    if (error.reason === 'not-finite') return { ...seen, metric: null, end: 'not-finite' }
    return { ...seen, end: seen.validations >= validations ? 'paused' : 'out-of-time' }
  }
}

/** A journal that puts the candidate's name before its stages, and what passes through it. */
export function watchCandidate(
  { name, context, everySteps, nowMs }: Pick<Options, 'name' | 'context' | 'everySteps' | 'nowMs'>,
  onChange: () => void = () => {},
): { journal: Journal; seen: Seen } {
  const seen: Seen = { metric: null, validations: 0, secondsPerValidation: null }
  let startedMs: number | null = null
  let made = 0
  const stage: Journal['stage'] = (stageName, steps, metricName) => {
    const log = context.journal.stage(`${name}/${stageName}`, steps, metricName)
    const before = seen.validations
    return {
      ...log,
      start(step, best) {
        log.start(step, best)
        if (metricName === null) return
        startedMs ??= nowMs()
        seen.validations = before + (step === steps ? Math.ceil : Math.floor)(step / everySteps)
        seen.metric = best ?? seen.metric
        onChange()
      },
      step(report) {
        log.step(report)
        onChange()
      },
      validation(step, metric, isBest) {
        log.validation(step, metric, isBest)
        seen.validations++
        seen.secondsPerValidation = (nowMs() - startedMs!) / 1_000 / ++made
        if (isBest) seen.metric = metric
        onChange()
      },
    }
  }
  return { journal: { ...context.journal, stage }, seen }
}
