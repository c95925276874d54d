/** @file The best of several lists that are each in order: what divided indexes find, as one list. */

/** Columns of one list: higher scores first, equal ones by number, lower first. */
export type Sorted = { numbers: Uint32Array; scores: ArrayLike<number> }

/**
 * Calls `take` for the `limit` best of all lists, best first, equal scores by number. Only heads are compared: nothing is made for what
 * is not taken, which of 25 shards with a thousand matches each is nearly all.
 *
 * Cost: `limit` times the number of lists.
 */
export function mergeBest(
  lists: readonly Sorted[],
  limit: number,
  take: (list: number, at: number) => void,
): void {
  const heads = new Uint32Array(lists.length)
  for (let taken = 0; taken < limit; taken++) {
    let best = -1
    let bestScore = Number.NEGATIVE_INFINITY
    let bestNumber = 0
    for (let list = 0; list < lists.length; list++) {
      const { numbers, scores } = lists[list]!
      const head = heads[list]!
      if (head === numbers.length) continue
      const score = scores[head]!
      const number = numbers[head]!
      if (best >= 0 && (score < bestScore || (score === bestScore && number > bestNumber))) continue
      best = list
      bestScore = score
      bestNumber = number
    }
    if (best < 0) return
    take(best, heads[best]!)
    heads[best]!++
  }
}
