/** @file Items that stand at places which were chosen for them. Pure. */

/**
 * Puts items at their ranks (from 1); the others move down, and none stands twice. Of two for one rank the second takes the next free one; what
 * does not fit is left out.
 */
export function placeAt<T>(
  list: readonly T[],
  placed: readonly { item: T; rank: number }[],
  limit: number,
  keyOf: (item: T) => number,
): T[] {
  const at = new Map<number, T>()
  const keys = new Set<number>()
  for (const { item, rank } of placed) {
    let free = rank
    while (at.has(free)) free++
    if (free > limit || keys.has(keyOf(item))) continue
    at.set(free, item)
    keys.add(keyOf(item))
  }
  const others = list.filter((item) => !keys.has(keyOf(item)))
  const result: T[] = []
  let next = 0
  for (let rank = 1; rank <= limit; rank++) {
    const item = at.get(rank) ?? others[next++]
    if (item !== undefined) result.push(item)
  }
  return result
}
