/** @file Seeded choices for the sample shop. */
import type { Random } from '../../shared/lib/random.ts'

export function pick<T>(list: readonly T[], random: Random): T {
  if (list.length === 0) throw new Error('nothing to pick from')
  return list[Math.floor(random() * list.length)]!
}

/** One of `list`, each with a chance in proportion to its weight. */
export function pickWeighted<T>(list: readonly T[], weightOf: (value: T) => number, random: Random): T {
  const weights = list.map(weightOf)
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  for (const [index, weight] of weights.entries()) {
    left -= weight
    if (left < 0) return list[index]!
  }
  return list.at(-1)!
}

/** A copy in random order (Fisher and Yates). */
export function shuffle<T>(list: readonly T[], random: Random): T[] {
  const copy = [...list]
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[copy[last], copy[other]] = [copy[other]!, copy[last]!]
  }
  return copy
}
