/** @file Places of a list that are left to chance, so that what is never shown has a chance to be liked. Pure. */
import type { Random } from '../../shared/lib/random.ts'

/** Every so many places one is left to chance: the last of them, where it costs least. */
const EVERY = 5

/** A place of a list, and how likely it was to hold this item, given the places before it. */
export type Chance<T> = { item: T; propensity: number; isExplored: boolean }

/**
 * ε-greedy: a place that is left to chance shows, with probability ε, any of the pool, each equally likely; else what it would have shown.
 * Every item of the pool has a propensity above 0 there, which is what estimators of another policy need.
 *
 * @param list    as it is without chance, nothing twice
 * @param pool    nothing of the list, nothing twice
 * @param epsilon [0, 1]
 * Source: Sutton, Barto, Reinforcement Learning, 2nd ed., section 2.2.
 */
export function exploreGreedily<T>(
  list: readonly T[],
  pool: readonly T[],
  epsilon: number,
  random: Random,
): Chance<T>[] {
  const left = [...pool]
  const step = Math.min(EVERY, list.length)
  return list.map((item, index) => {
    if (epsilon === 0 || left.length === 0 || (index + 1) % step !== 0)
      return { item, propensity: 1, isExplored: false }
    if (random() >= epsilon) return { item, propensity: 1 - epsilon, isExplored: false }
    const propensity = epsilon / left.length
    const [drawn] = left.splice(Math.floor(random() * left.length), 1)
    return { item: drawn!, propensity, isExplored: true }
  })
}
