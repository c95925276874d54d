/** @file The optimiser: one pass over parameters, gradient and both moments. */
import { assert } from '../../shared/lib/result.ts'
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

/**
 *   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
 *   p ← p − η λ p − η · m̂ / (√v̂ + ε),   m̂ = m / (1 − β₁ᵗ),   v̂ = v / (1 − β₂ᵗ)
 *
 * @param scale    the gradient is multiplied by it first: 1, or what clipping asks for
 * @param step     t, from 1
 * Source: Loshchilov, Hutter, ICLR 2019, algorithm 2 (decoupled decay); as PyTorch's AdamW.
 */
export function adamW(
  state: AdamWState,
  gradient: Float32Array,
  layout: ParameterLayout,
  { rate, step, scale }: { rate: number; step: number; scale: number },
  { beta1, beta2, epsilon, weightDecay }: AdamWOptions = ADAMW_DEFAULTS,
): void {
  assert(gradient.length === layout.size && state.parameters.length === layout.size, 'vectors of one layout')
  const { parameters: p, first: m, second: v } = state
  const stride = rate / (1 - beta1 ** step)
  const root = 1 / Math.sqrt(1 - beta2 ** step)
  const [new1, new2] = [1 - beta1, 1 - beta2]
  for (const { offset, count, decays } of layout.parameters) {
    const keep = decays ? 1 - rate * weightDecay : 1
    const end = offset + count
    for (let i = offset; i < end; i++) {
      const g = gradient[i]! * scale
      const mean = beta1 * m[i]! + new1 * g
      const square = beta2 * v[i]! + new2 * g * g
      m[i] = mean
      v[i] = square
      p[i] = keep * p[i]! - (stride * mean) / (Math.sqrt(square) * root + epsilon)
    }
  }
}

/** ‖g‖₂, summed in float64. */
export function gradientNorm(gradient: Float32Array): number {
  let sum = 0
  for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!
  return Math.sqrt(sum)
}
