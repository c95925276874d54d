/**
 * @file How a pair stands among the pairs that compete with it, those that share its left or its right record: where a record
 * has one counterpart at most, a pair is as good as the others are bad.
 */
import type { Features } from './features.ts'

/** Places of records in their tables. */
export type PairPlaces = { left: number; right: number }
export type Rivals = {
  /** By pair, the places of the other pairs with the same left record; then with the same right record. */
  left: readonly (readonly number[])[]
  right: readonly (readonly number[])[]
}

export function rivalsOf(pairs: readonly PairPlaces[]): Rivals {
  const others = (key: keyof PairPlaces) => {
    const groups = new Map<number, number[]>()
    pairs.forEach((pair, at) => {
      const group = groups.get(pair[key])
      if (group) group.push(at)
      else groups.set(pair[key], [at])
    })
    return pairs.map((pair) => groups.get(pair[key])!)
  }
  // The pair itself stays in its groups: leaving it out would copy each group as often as it has pairs.
  return { left: others('left'), right: others('right') }
}

/** @param scores by pair, from 0 to 1 */
export function contextOf(rivals: Rivals, scores: ArrayLike<number>, name: string): Features[] {
  return Array.from(rivals.left.keys(), (at) => {
    const left = standing(rivals.left[at]!, scores, at)
    const right = standing(rivals.right[at]!, scores, at)
    return {
      [`${name}LeftRank`]: left.rank,
      [`${name}LeftGap`]: left.gap,
      [`${name}RightRank`]: right.rank,
      [`${name}RightGap`]: right.gap,
      [`${name}Gap`]: Math.min(left.gap, right.gap),
    }
  })
}

/** The rank from 1 among the group; the gap to the best of the others, to 0 where there is none. */
function standing(group: readonly number[], scores: ArrayLike<number>, own: number) {
  let rank = 1
  let best = 0
  for (const other of group) {
    if (other === own) continue
    if (scores[other]! > scores[own]!) rank++
    best = Math.max(best, scores[other]!)
  }
  return { rank, gap: scores[own]! - best }
}
