/** @file What a run says of itself: a line of JSON for each event, for charts, and progress for whoever waits. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Histogram } from './histogram.ts'
import type { Recipe } from './recipe.ts'
import type { Sample } from './retrieval-metric.ts'
import type { StepReport } from './trainer.ts'
import type { Settings } from './tune/space.ts'
import type { Tuned } from './tune/tune.ts'

/** A line of the journal, without its time. */
export type JournalEntry =
  | { event: 'recipe'; recipe: Recipe; items: number; judgments: number }
  /** Pieces per word of the titles under the vocabulary of the base, and whether the shop's own takes its place. */
  | { event: 'words'; piecesPerWord: number; adapted: boolean }
  | { event: 'relevance'; pairs: number; queries: number; grades: number; isEnough: boolean }
  /** Texts translated so far, and how many of them came back changed. */
  | { event: 'back-translation'; done: number; texts: number; changed: number }
  | { event: 'stage-started' | 'stage-resumed'; stage: string; step: number; steps: number }
  | {
      event: 'step'
      stage: string
      step: number
      loss: number
      rate: number
      gradientNorm: number
      /** Of each task, where a stage has several. */
      losses?: Readonly<Record<string, number>>
    }
  | { event: 'validation'; stage: string; step: number; metric: string; value: number; isBest: boolean }
  | { event: 'samples'; stage: string; step: number; samples: readonly Sample[] }
  | ({ event: 'tensors'; stage: string; step: number } & Tensors)
  | {
      event: 'stage-ended'
      stage: string
      step: number
      reason: string
      best: { step: number; metric: number } | null
    }
  | {
      event: 'candidate'
      candidate: number
      rung: number
      settings: Settings
      metric: number | null
      validations: number
    }
  | ({ event: 'tuned' } & Tuned)
  | { event: 'trained'; metrics: Readonly<Record<string, number>>; seconds: number }

/** A few tensors, by name. */
export type Tensors = {
  parameters: Readonly<Record<string, Histogram>>
  gradients: Readonly<Record<string, Histogram>>
}
export type ProgressLine = {
  stage: string
  step: number
  steps: number
  /** Smoothed. */
  loss: number
  rate: number
  metric: { name: string; value: number; best: number } | null
  textsPerSecond: number
  secondsLeft: number
}
export type StageLog = {
  start(step: number, best: number | null): void
  step(report: StepReport): void
  validation(step: number, metric: number, isBest: boolean): void
  samples(step: number, samples: readonly Sample[]): void
  tensors(step: number, tensors: Tensors): void
  end(outcome: { reason: string; step: number; best: { step: number; metric: number } | null }): void
}
export type Journal = {
  stage(name: string, steps: number, metricName: string | null): StageLog
  note(entry: JournalEntry): void
}
export type JournalOptions = {
  directory: string
  nowMs(): number
  onProgress?(line: ProgressLine): void
  /** Hears every line as it is written. */
  onEntry?(entry: JournalEntry, atMs: number): void
}

export const JOURNAL_FILE = 'journal.ndjson'
/** Weight of the past in the smoothed loss. */
const SMOOTHING = 0.95
const STEPS_PER_LINE = 10

export function createJournal(options: JournalOptions): Journal {
  const { directory, nowMs, onProgress = () => {}, onEntry = () => {} } = options
  mkdirSync(directory, { recursive: true })
  const note = (entry: JournalEntry) => {
    const atMs = nowMs()
    const line = JSON.stringify({ at: new Date(atMs).toISOString(), ...entry })
    appendFileSync(join(directory, JOURNAL_FILE), `${line}\n`)
    onEntry(entry, atMs)
  }

  return {
    note,
    stage(name, steps, metricName) {
      let startedMs = nowMs()
      let firstStep = 0
      let texts = 0
      let smoothed: number | null = null
      let metric: ProgressLine['metric'] = null
      return {
        start(step, best) {
          startedMs = nowMs()
          firstStep = step
          metric = best === null ? null : { name: metricName ?? 'metric', value: best, best }
          note({ event: step === 0 ? 'stage-started' : 'stage-resumed', stage: name, step, steps })
        },
        step(report) {
          texts += report.texts
          smoothed = smoothed === null ? report.loss : SMOOTHING * smoothed + (1 - SMOOTHING) * report.loss
          const seconds = (nowMs() - startedMs) / 1_000
          const perStep = seconds / (report.step - firstStep)
          if (report.step % STEPS_PER_LINE === 0 || report.step === steps) note(stepEntry(name, report))
          onProgress({
            stage: name,
            step: report.step,
            steps,
            loss: smoothed,
            rate: report.rate,
            metric,
            textsPerSecond: texts / Math.max(1e-3, seconds),
            secondsLeft: perStep * (steps - report.step),
          })
        },
        validation(step, value, isBest) {
          const metricLabel = metricName ?? 'metric'
          metric = { name: metricLabel, value, best: isBest ? value : Math.max(value, metric?.best ?? value) }
          note({ event: 'validation', stage: name, step, metric: metricLabel, value, isBest })
        },
        samples: (step, samples) => note({ event: 'samples', stage: name, step, samples }),
        tensors: (step, tensors) => note({ event: 'tensors', stage: name, step, ...tensors }),
        end: (outcome) => note({ event: 'stage-ended', stage: name, ...outcome }),
      }
    },
  }
}

function stepEntry(stage: string, { step, loss, rate, gradientNorm, outcomes }: StepReport): JournalEntry {
  const tasks = Object.entries(outcomes)
  const losses = Object.fromEntries(tasks.map(([task, outcome]) => [task, outcome.loss]))
  return { event: 'step', stage, step, loss, rate, gradientNorm, ...(tasks.length > 1 ? { losses } : {}) }
}
