/** @file Each item's neighbours with their weights: what most models here come down to, and what a segment can hold. */
import type { NextItemModel } from './next-item.ts'

/** Entries [starts[i], starts[i + 1]) are the neighbours of item i, best first; equal weights are ordered by item. */
export type Neighbours = { starts: Uint32Array; items: Uint32Array; weights: Float32Array }

/** How a history is summed up: Σ over its last `eventsMax` events, the weight of an event being (1 + events after it)^−`recency`. */
export type HistoryWeights = { eventsMax: number; recency: number }

/** Sums for one item that come one by one, of which the highest are kept. */
export class NeighbourRow {
  readonly sums: Float64Array
  readonly #touched: number[] = []
  constructor(itemCount: number) {
    this.sums = new Float64Array(itemCount)
  }
  /** @param weight above 0 */
  add(item: number, weight: number): void {
    if (this.sums[item] === 0) this.#touched.push(item)
    this.sums[item]! += weight
  }
  /**
   * Takes everything out.
   *
   * @param weigh makes a sum into a weight; what is not above 0 is left out
   */
  drain(limit: number, weigh: (sum: number, item: number) => number): { items: number[]; weights: number[] } {
    const found = this.#touched
      .map((item) => ({ item, weight: Math.fround(weigh(this.sums[item]!, item)) }))
      .filter(({ weight }) => weight > 0)
      .sort((a, b) => b.weight - a.weight || a.item - b.item)
      .slice(0, limit)
    for (const item of this.#touched) this.sums[item] = 0
    this.#touched.length = 0
    return { items: found.map(({ item }) => item), weights: found.map(({ weight }) => weight) }
  }
}

/** @param fill puts into the row what is known of the item */
export function buildNeighbours(
  itemCount: number,
  limit: number,
  fill: (item: number, row: NeighbourRow) => void,
  weigh: (sum: number, from: number, to: number) => number,
): Neighbours {
  const row = new NeighbourRow(itemCount)
  const starts = new Uint32Array(itemCount + 1)
  const rows: { items: number[]; weights: number[] }[] = []
  for (let from = 0; from < itemCount; from++) {
    fill(from, row)
    const found = row.drain(limit, (sum, to) => weigh(sum, from, to))
    rows.push(found)
    starts[from + 1] = starts[from]! + found.items.length
  }
  const items = new Uint32Array(starts[itemCount]!)
  const weights = new Float32Array(starts[itemCount]!)
  rows.forEach((found, item) => {
    items.set(found.items, starts[item]!)
    weights.set(found.weights, starts[item]!)
  })
  return { starts, items, weights }
}

/** score(j) = Σ over events i of the history  weight(i) · w(i → j). */
export function neighbourModel(
  { starts, items, weights }: Neighbours,
  { eventsMax, recency }: HistoryWeights,
): NextItemModel {
  const scoreOne = (history: Uint32Array): Float32Array => {
    const scores = new Float32Array(starts.length - 1)
    history.slice(-eventsMax).forEach((item, place, events) => {
      const weight = (events.length - place) ** -recency
      for (let at = starts[item]!; at < starts[item + 1]!; at++) scores[items[at]!]! += weight * weights[at]!
    })
    return scores
  }
  return { score: async (histories) => histories.map(scoreOne) }
}
