/** @file The optimiser's arithmetic: one pass over parameters, gradient and both moments, whole or a part of it. */
import type { ParameterLayout } from './parameters.ts'

export type AdamWOptions = {
  /** Decay of the first moment. */
  beta1: number
  beta2: number
  epsilon: number
  /** λ, taken off apart from the gradient. */
  weightDecay: number
}
export const ADAMW_DEFAULTS: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }

export type AdamWState = { parameters: Float32Array; first: Float32Array; second: Float32Array }
export type AdamWStep = {
  rate: number
  /** t, from 1 */
  step: number
  /** The gradient is multiplied by it first: 1, or what clipping asks for. */
  scale: number
}
/** Places of a vector, `from` to before `to`. */
export type Range = { from: number; to: number }

/**
 *   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
 *   p ← p − η λ p − η · m̂ / (√v̂ + ε),   m̂ = m / (1 − β₁ᵗ),   v̂ = v / (1 − β₂ᵗ)
 *
 * Each number by itself: parts of a vector make the same step as the whole, bit for bit.
 *
 * Source: Loshchilov, Hutter, ICLR 2019, algorithm 2 (decoupled decay); as PyTorch's AdamW.
 */
export function adamW(
  { parameters: p, first: m, second: v }: AdamWState,
  gradient: Float32Array,
  layout: Pick<ParameterLayout, 'parameters'>,
  { rate, step, scale }: AdamWStep,
  { beta1, beta2, epsilon, weightDecay }: AdamWOptions,
  { from, to }: Range = { from: 0, to: gradient.length },
): void {
  const stride = rate / (1 - beta1 ** step)
  const root = 1 / Math.sqrt(1 - beta2 ** step)
  const [new1, new2] = [1 - beta1, 1 - beta2]
  for (const { offset, count, decays } of layout.parameters) {
    const keep = decays ? 1 - rate * weightDecay : 1
    const end = Math.min(to, offset + count)
    for (let i = Math.max(from, offset); i < end; i++) {
      const g = gradient[i]! * scale
      const mean = beta1 * m[i]! + new1 * g
      const square = beta2 * v[i]! + new2 * g * g
      m[i] = mean
      v[i] = square
      p[i] = keep * p[i]! - (stride * mean) / (Math.sqrt(square) * root + epsilon)
    }
  }
}

/** Σ g², in float64. */
export function sumOfSquares(gradient: Float32Array, { from, to }: Range): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += gradient[i]! * gradient[i]!
  return sum
}
