/** @file Learning rate by step. */
export type Schedule = {
  kind: 'constant' | 'linear' | 'cosine'
  /** η at its highest. */
  rate: number
  /** Steps in which the rate grows from 0. */
  warmUpSteps: number
  /** Steps in all; the rate falls to `floor · rate` at the last. */
  steps: number
  floor: number
}

/** @param step from 1 to `steps` */
export function rateAt({ kind, rate, warmUpSteps, steps, floor }: Schedule, step: number): number {
  if (step <= warmUpSteps) return (rate * step) / warmUpSteps
  if (kind === 'constant') return rate
  const progress = Math.min(1, (step - warmUpSteps) / Math.max(1, steps - warmUpSteps))
  const share = kind === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2
  return rate * (floor + (1 - floor) * share)
}
