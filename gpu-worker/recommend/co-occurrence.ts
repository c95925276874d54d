/**
 * @file Items that follow one another, weighed by how close: the strongest of the simple models on short histories.
 *
 *   w(i → j) = Σ over sequences  max over places p of i, q of j  d(q − p)  / ( n_i^from · n_j^to )
 *   d(x) = x^−decay for j after i,   backward · |x|^−decay for j before i,   0 beyond the window
 *
 * A sequence counts a pair once, by its closest places: a thousand clicks on two items in one session say as much as one.
 * Source: item-to-item co-occurrence (Linden, Smith, York 2003) with the decay by distance of sequential rules (Kamehkhosh,
 * Jannach, Ludewig, RecTemp 2017).
 */
import { buildNeighbours, type NeighbourRow, type Neighbours } from './neighbours.ts'
import type { Sequences } from './next-item.ts'
import { type Occurrences, occurrencesOf } from './occurrences.ts'

export type CoOccurrenceSettings = {
  /** Events to either side that are looked at, ≥ 1. */
  window: number
  decay: number
  /** What an earlier item counts, beside 1 for a later one. */
  backward: number
  /** Powers of the counts that a sum is divided by: 0 for none, ½ and ½ for the cosine. */
  from: number
  to: number
  /** Neighbours of an item at most. */
  limit: number
}

export function coOccurrence(
  data: Sequences,
  { window, decay, backward, from, to, limit }: CoOccurrenceSettings,
): Neighbours {
  const occurrences = occurrencesOf(data)
  const countOf = (item: number) => occurrences.starts[item + 1]! - occurrences.starts[item]!
  const near = Float64Array.from({ length: window + 1 }, (_, distance) => distance ** -decay)
  return buildNeighbours(
    data.itemCount,
    limit,
    (item, row) =>
      addPairs(data, occurrences, item, row, window, (ahead) =>
        ahead > 0 ? near[ahead]! : backward * near[-ahead]!,
      ),
    (sum, i, j) => sum / (countOf(i) ** from * countOf(j) ** to),
  )
}

/** @param weigh of j at place q and the item at place p, by q − p, which is not 0 */
function addPairs(
  { sequences }: Sequences,
  { starts, sequence, place }: Occurrences,
  item: number,
  row: NeighbourRow,
  window: number,
  weigh: (ahead: number) => number,
): void {
  const closest = new Map<number, number>()
  for (let at = starts[item]!; at < starts[item + 1]!; at++) {
    const items = sequences[sequence[at]!]!
    const p = place[at]!
    const end = Math.min(items.length - 1, p + window)
    for (let q = Math.max(0, p - window); q <= end; q++) {
      const other = items[q]!
      if (other === item) continue
      const weight = weigh(q - p)
      if (weight > (closest.get(other) ?? 0)) closest.set(other, weight)
    }
    if (at + 1 < starts[item + 1]! && sequence[at + 1] === sequence[at]) continue
    for (const [other, weight] of closest) row.add(other, weight)
    closest.clear()
  }
}
