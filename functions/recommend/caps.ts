/** @file No more than so many of a kind, while there are others. Pure. */

/**
 * The first items that no cap speaks against, in their order; when they are too few, the others follow, in theirs.
 *
 * @param caps at most `max` items with one key each
 */
export function capped<T>(
  items: readonly T[],
  caps: readonly { keyOf: (item: T) => string; max: number }[],
  limit: number,
): T[] {
  const used = caps.map(() => new Map<string, number>())
  const taken: T[] = []
  const others: T[] = []
  for (const item of items) {
    if (taken.length === limit) return taken
    const keys = caps.map(({ keyOf }) => keyOf(item))
    const counts = keys.map((key, at) => used[at]!.get(key) ?? 0)
    if (counts.some((count, at) => count >= caps[at]!.max)) {
      others.push(item)
      continue
    }
    keys.forEach((key, at) => {
      used[at]!.set(key, counts[at]! + 1)
    })
    taken.push(item)
  }
  return [...taken, ...others].slice(0, limit)
}
