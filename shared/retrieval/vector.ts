/** @file Exact scan over the quantised vectors of an index: one dot product for each live document. */
import { dequantise, dotQuantised, quantiseQuery } from '../vector/quantise.ts'
import type { Accept } from './lexical.ts'
import type { Index } from './load-index.ts'

export type VectorMatch = { doc: number; score: number }

/**
 * Best documents by dot product with the query (cosine for unit vectors), best first, equal scores by item number.
 *
 * @param query f32[dim]
 */
export function searchVector(
  index: Index,
  query: Float32Array,
  limit: number,
  accept: Accept = () => true,
): VectorMatch[] {
  const quantised = quantiseQuery(query)
  const best = new BestScores(limit)
  for (const { segment, base } of index.segments) {
    if (segment.dim !== query.length) continue
    for (let row = 0; row < segment.rows; row++) {
      const doc = base + row
      const scale = segment.vectorScale[row]!
      if (index.live[doc] === 0 || scale === 0) continue
      const score = dotQuantised(segment.vectors, row * segment.dim, scale, quantised)
      if (score > best.threshold && accept(doc)) best.add(doc, score)
    }
  }
  return best.sorted((doc) => index.number(doc))
}

/** Vector of a document, null when it has none. */
export function vectorOf(index: Index, doc: number): Float32Array | null {
  const { segment, row } = index.locate(doc)
  const scale = segment.vectorScale[row]!
  return scale === 0 ? null : dequantise(segment.vectors, row * segment.dim, segment.dim, scale)
}

/** Keeps the `limit` best: a buffer of twice the size that is cut when it is full, so that most scores cost one comparison. */
class BestScores {
  threshold = Number.NEGATIVE_INFINITY
  readonly #limit: number
  #kept: VectorMatch[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(doc: number, score: number): void {
    this.#kept.push({ doc, score })
    if (this.#kept.length < 2 * this.#limit) return
    this.#kept.sort((a, b) => b.score - a.score)
    this.#kept.length = this.#limit
    // Equal scores must still get in: the lower item number wins at the end.
    this.threshold = this.#kept[this.#limit - 1]!.score - 1e-9
  }

  sorted(numberOf: (doc: number) => number): VectorMatch[] {
    return this.#kept
      .sort((a, b) => b.score - a.score || numberOf(a.doc) - numberOf(b.doc))
      .slice(0, this.#limit)
  }
}
