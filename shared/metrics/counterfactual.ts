/**
 * @file What another policy would have earned, from the log of the one that ran. π₀ chose what was shown and wrote down with which
 * probability; π is the policy in question. Every estimator here is honest only where π₀ could have shown whatever π would.
 */
import { assert } from '../lib/result.ts'

/** One decision of the log. */
export type LoggedDecision = {
  /** π₀(a | x) of what was shown, in (0, 1]. */
  propensity: number
  /** π(a | x) of the same, in [0, 1]. */
  target: number
  /** What came of it: 1 for a click, or money. */
  reward: number
  /** A model's guess of the reward, and its mean over what π would show: Σ_a π(a | x) q̂(x, a). Both or neither. */
  model?: { shown: number; target: number }
}

export type Estimate = { value: number; standardError: number }
export type PolicyValue = {
  decisions: number
  /** What π₀ earned on average. */
  logged: Estimate
  ips: Estimate
  snips: Estimate
  /** Null where the log has no model's guesses. */
  doublyRobust: Estimate | null
  /** Near 1 when the propensities are right: E[π / π₀] = 1. */
  meanWeight: number
  /** (Σ w)² / Σ w²: as many decisions of π itself would say as much. Source: Kong 1992. */
  effectiveSampleSize: number
  /** Weights that were cut, as a share of the decisions. */
  clipped: number
}

/**
 *   w = min(π / π₀, weightMax)
 *   IPS    = mean of w r
 *   SNIPS  = Σ w r / Σ w                      little bias for much less variance
 *   DR     = mean of q̂(π) + w (r − q̂(shown))   right when the propensities are, or the model is
 *
 * Standard errors by the delta method, for decisions that do not depend on each other.
 *
 * @param log       one decision or more
 * @param weightMax ≥ 1: cuts rare, heavy decisions, which bounds the variance and costs some bias
 * Source: Horvitz and Thompson 1952; Swaminathan and Joachims, NeurIPS 2015 (self-normalised); Dudík, Langford, Li, ICML
 * 2011 (doubly robust); Ionides 2008 (truncation).
 */
export function valueOfPolicy(
  log: readonly LoggedDecision[],
  weightMax = Number.POSITIVE_INFINITY,
): PolicyValue {
  assert(log.length > 0, 'a log has decisions')
  const raw = log.map(({ propensity, target }) => target / propensity)
  const weights = raw.map((weight) => Math.min(weight, weightMax))
  const sum = total(weights)
  const rewards = log.map(({ reward }) => reward)
  const snips = sum === 0 ? 0 : total(weights.map((weight, at) => weight * rewards[at]!)) / sum
  const meanWeight = sum / log.length
  const squares = total(weights.map((weight) => weight ** 2))
  const hasModel = log.every(({ model }) => model !== undefined)
  return {
    decisions: log.length,
    logged: meanOf(rewards),
    ips: meanOf(weights.map((weight, at) => weight * rewards[at]!)),
    snips: {
      value: snips,
      // Of a ratio of means: that of w (r − SNIPS) / E[w].
      standardError:
        sum === 0
          ? 0
          : meanOf(weights.map((weight, at) => (weight * (rewards[at]! - snips)) / meanWeight)).standardError,
    },
    doublyRobust: hasModel
      ? meanOf(log.map(({ reward, model }, at) => model!.target + weights[at]! * (reward - model!.shown)))
      : null,
    meanWeight: total(raw) / log.length,
    effectiveSampleSize: squares === 0 ? 0 : sum ** 2 / squares,
    clipped: raw.filter((weight) => weight > weightMax).length / log.length,
  }
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

function meanOf(values: readonly number[]): Estimate {
  const value = total(values) / values.length
  const variance = total(values.map((one) => (one - value) ** 2)) / Math.max(1, values.length - 1)
  return { value, standardError: Math.sqrt(variance / values.length) }
}
