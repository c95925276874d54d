/** @file The score from which a yes is worth saying. */

/**
 * The threshold with the highest F1, half-way between two scores; a yes is a score above it. Of equal ones the highest.
 *
 * @param labels 0 or 1, by score; at least one 1
 */
export function bestThreshold(
  scores: readonly number[],
  labels: readonly number[],
): { threshold: number; f1: number } {
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!)
  const positives = labels.reduce((sum, label) => sum + label, 0)
  let right = 0
  let best = { threshold: 1, f1: 0 }
  order.forEach((at, place) => {
    right += labels[at]!
    const next = order[place + 1]
    if (next !== undefined && scores[next] === scores[at]) return
    const f1 = (2 * right) / (positives + place + 1)
    const lower = next === undefined ? 0 : scores[next]!
    if (f1 > best.f1) best = { threshold: (scores[at]! + lower) / 2, f1 }
  })
  return best
}
