/** @file What a run says of itself: a line of JSON for each event, for charts, and progress for whoever waits. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { StepReport } from './trainer.ts'

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
  start(step: number): void
  step(report: StepReport): void
  validation(step: number, metric: number, isBest: boolean): void
  end(facts: Readonly<Record<string, unknown>>): void
}
export type Journal = {
  stage(name: string, steps: number, metricName: string | null): StageLog
  note(facts: Readonly<Record<string, unknown>>): void
}
export type JournalOptions = {
  directory: string
  nowMs(): number
  onProgress?(line: ProgressLine): void
  /** Other listeners: TensorBoard. */
  onScalars?(stage: string, step: number, scalars: Readonly<Record<string, number>>): void
}

export const JOURNAL_FILE = 'journal.ndjson'
/** Weight of the past in the smoothed loss. */
const SMOOTHING = 0.95
const STEPS_PER_LINE = 10

export function createJournal(options: JournalOptions): Journal {
  const { directory, nowMs, onProgress = () => {}, onScalars = () => {} } = options
  mkdirSync(directory, { recursive: true })
  const note = (facts: Readonly<Record<string, unknown>>) =>
    appendFileSync(
      join(directory, JOURNAL_FILE),
      `${JSON.stringify({ at: new Date(nowMs()).toISOString(), ...facts })}\n`,
    )

  return {
    note,
    stage(name, steps, metricName) {
      let startedMs = nowMs()
      let firstStep = 0
      let texts = 0
      let smoothed: number | null = null
      let metric: ProgressLine['metric'] = null
      return {
        start(step) {
          startedMs = nowMs()
          firstStep = step
          note({ event: step === 0 ? 'stage-started' : 'stage-resumed', stage: name, step, steps })
        },
        step(report) {
          texts += report.texts
          smoothed = smoothed === null ? report.loss : SMOOTHING * smoothed + (1 - SMOOTHING) * report.loss
          const seconds = (nowMs() - startedMs) / 1_000
          const perStep = seconds / (report.step - firstStep)
          if (report.step % STEPS_PER_LINE === 0 || report.step === steps) {
            const scalars = { loss: report.loss, rate: report.rate, gradientNorm: report.gradientNorm }
            note({ event: 'step', stage: name, step: report.step, ...scalars })
            onScalars(name, report.step, scalars)
          }
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
          onScalars(name, step, { [metricLabel]: value })
        },
        end: (facts) => note({ event: 'stage-ended', stage: name, ...facts }),
      }
    },
  }
}
