/** @file What a score is made of. Pure. */
import { RANK_FEATURES } from '../../shared/schema/rank-features.ts'
import { LINEAR_WEIGHTS, SEEN_FACTOR } from '../ranking/ranker.ts'
import type { Candidate } from './candidates.ts'

/** Scores are single precision. */
const TOLERANCE = 1e-6

/**
 * Parts of a linear score by name: weight · feature for each that is not zero, `seen` for what was taken off a seen item, and `rules`
 * for what boosts and buries added. They sum to the score; null where they do not, because a learnt ranker made it.
 */
export function attributionOf({
  parts,
  score,
  factor,
}: Pick<Candidate, 'parts' | 'score' | 'factor'>): Record<string, number> | null {
  const shares: Record<string, number> = {}
  let sum = 0
  for (const name of RANK_FEATURES) {
    if (name === 'seen' || parts[name] === 0) continue
    shares[name] = LINEAR_WEIGHTS[name] * parts[name]
    sum += shares[name]
  }
  if (parts.seen > 0) {
    shares['seen'] = -(1 - SEEN_FACTOR) * parts.seen * sum
    sum += shares['seen']
  }
  if (factor !== 1) {
    shares['rules'] = (factor - 1) * sum
    sum += shares['rules']
  }
  return Math.abs(sum - score) <= TOLERANCE * Math.max(1, factor) ? shares : null
}
