/**
 * @file AdaLoRA's budget: which of the low-rank updates keep their ranks. A rank whose singular value and vectors hardly
 * move the loss is set to zero, and may come back while the budget still falls.
 * Source: Zhang et al., AdaLoRA, ICLR 2023, eqs. 7 – 11 and algorithm 1.
 */
import { loraNames, type Tuning } from '../model/tuning.ts'
import { type Parameter, type ParameterLayout, viewOf } from './parameters.ts'
import type { AfterStep } from './plan.ts'

/** Decay of the smoothed sensitivity and of its uncertainty, β₁ and β₂ of the paper. */
const SENSITIVITY_DECAY = 0.85
const UNCERTAINTY_DECAY = 0.85
/** Shares of the run before the budget starts to fall and after it has reached its end. */
const START = 0.1
const END = 0.3
/** Steps between two cuts. */
const EVERY = 10

type Module = { a: Parameter; b: Parameter; e: Parameter }

/**
 *   I = |w g|,   Ī ← β₁ Ī + (1 − β₁) I,   Ū ← β₂ Ū + (1 − β₂) |I − Ī|,   s = Ī · Ū
 *   S of a rank = s(e) + mean s(its row of A) + mean s(its column of B);  the `budget` ranks with the largest S stay.
 */
export function createRankBudget(
  layout: ParameterLayout,
  tuning: Extract<Tuning, { kind: 'adalora' }>,
  steps: number,
): AfterStep {
  const modules = layout.parameters.flatMap((e): Module[] => {
    if (!e.name.endsWith('.lora_E')) return []
    const names = loraNames(e.name.slice(0, -'.lora_E'.length))
    return [{ a: layout.byName.get(names.a)!, b: layout.byName.get(names.b)!, e }]
  })
  const sensitivity = new Float32Array(layout.size)
  const uncertainty = new Float32Array(layout.size)
  const full = modules.length * tuning.rank
  const target = Math.min(full, modules.length * tuning.targetRank)

  return {
    memory: new Map([
      ['sensitivity', sensitivity],
      ['uncertainty', uncertainty],
    ]),
    apply(step, parameters, gradient) {
      for (let i = 0; i < layout.size; i++) {
        const now = Math.abs(parameters[i]! * gradient[i]!)
        sensitivity[i] = SENSITIVITY_DECAY * sensitivity[i]! + (1 - SENSITIVITY_DECAY) * now
        uncertainty[i] =
          UNCERTAINTY_DECAY * uncertainty[i]! + (1 - UNCERTAINTY_DECAY) * Math.abs(now - sensitivity[i]!)
      }
      const budget = budgetAt(step, steps, full, target)
      const isFinal = step >= steps * (1 - END)
      if (budget === full || (!isFinal && step % EVERY !== 0)) return
      const scores = modules.map((module) => rankScores(module, sensitivity, uncertainty))
      const threshold = scores.flat().sort((x, y) => y - x)[budget - 1] ?? Number.POSITIVE_INFINITY
      let left = budget
      modules.forEach(({ e }, at) => {
        const values = viewOf(parameters, e)
        scores[at]!.forEach((score, rank) => {
          if (score < threshold || left === 0) values[rank] = 0
          else left--
        })
      })
    },
  }
}

/** From `full` to `target` along a cubic, with a rest before and after. */
export function budgetAt(step: number, steps: number, full: number, target: number): number {
  const progress = (step / steps - START) / (1 - END - START)
  if (progress <= 0) return full
  if (progress >= 1) return target
  return Math.round(target + (full - target) * (1 - progress) ** 3)
}

function rankScores({ a, b, e }: Module, sensitivity: Float32Array, uncertainty: Float32Array): number[] {
  const score = (at: number) => sensitivity[at]! * uncertainty[at]!
  const [rank, input] = a.shape as [number, number]
  const out = b.shape[0]!
  return Array.from({ length: rank }, (_, k) => {
    let row = 0
    for (let i = 0; i < input; i++) row += score(a.offset + k * input + i)
    let column = 0
    for (let i = 0; i < out; i++) column += score(b.offset + i * rank + k)
    return score(e.offset + k) + row / input + column / out
  })
}
