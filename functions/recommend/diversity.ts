/** @file A list that is not all of one kind. Pure. */

/**
 * Greedy choice: each item that was taken lowers the score of the others of its group by the factor `damping`. The first place
 * always goes to the best; order within a group is kept.
 *
 * @param ranked  best first, scores ≥ 0
 * @param groupOf group of an item, e.g. its leaf category
 * @param damping (0, 1]; 1 keeps the order, small values alternate groups
 * @param isLate  asked before each place; from the first yes on the places go by score alone
 * Cost: O(groups · limit) after one pass over `ranked`.
 */
export function diversify<T extends { score: number }>(
  ranked: readonly T[],
  groupOf: (item: T) => string,
  damping: number,
  limit: number,
  isLate: () => boolean = () => false,
): T[] {
  const groups = new Map<string, { items: T[]; taken: number }>()
  for (const item of ranked) {
    const group = groupOf(item)
    const held = groups.get(group)
    if (held) held.items.push(item)
    else groups.set(group, { items: [item], taken: 0 })
  }
  const chosen: T[] = []
  while (chosen.length < limit) {
    if (isLate()) return [...chosen, ...withoutThose(ranked, chosen).slice(0, limit - chosen.length)]
    let best: { items: T[]; taken: number } | null = null
    let bestScore = Number.NEGATIVE_INFINITY
    for (const group of groups.values()) {
      const next = group.items[group.taken]
      if (!next) continue
      const score = next.score * damping ** group.taken
      if (score > bestScore) {
        best = group
        bestScore = score
      }
    }
    if (!best) return chosen
    chosen.push(best.items[best.taken]!)
    best.taken++
  }
  return chosen
}

function withoutThose<T>(items: readonly T[], those: readonly T[]): T[] {
  const taken = new Set(those)
  return items.filter((item) => !taken.has(item))
}
