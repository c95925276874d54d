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
  const groups = groupsOf(ranked, groupOf)
  const chosen: T[] = []
  while (chosen.length < limit) {
    if (isLate()) return [...chosen, ...withoutThose(ranked, chosen).slice(0, limit - chosen.length)]
    let best = groups[0]
    for (const group of groups) if (group.score > best!.score) best = group
    if (!best || best.score === Number.NEGATIVE_INFINITY) return chosen
    chosen.push(best.items[best.taken]!)
    best.taken++
    const next = best.items[best.taken]
    best.score = next ? next.score * damping ** best.taken : Number.NEGATIVE_INFINITY
  }
  return chosen
}

/** `score`: of the next one that is not taken, as it counts by now; minus infinity when there is none. */
type Group<T> = { items: T[]; taken: number; score: number }

/** In the order of their best. */
function groupsOf<T extends { score: number }>(
  ranked: readonly T[],
  groupOf: (item: T) => string,
): Group<T>[] {
  const groups = new Map<string, Group<T>>()
  for (const item of ranked) {
    const name = groupOf(item)
    const group = groups.get(name)
    if (group) group.items.push(item)
    else groups.set(name, { items: [item], taken: 0, score: item.score })
  }
  return [...groups.values()]
}

function withoutThose<T>(items: readonly T[], those: readonly T[]): T[] {
  const taken = new Set(those)
  return items.filter((item) => !taken.has(item))
}
