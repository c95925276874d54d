/** @file Exact scan over the quantised vectors of an index: one dot product for each document. */
import { dequantise, dotRows, quantiseQuery } from '../vector/quantise.ts'
import type { Accept } from './lexical.ts'
import type { Index } from './load-index.ts'

export type VectorMatch = { doc: number; score: number }

/** By document. Reused by every scan of this thread: a fresh buffer each time would be most of the garbage of a request. */
let scores = new Float32Array(0)

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
  if (scores.length < index.docCount) scores = new Float32Array(index.docCount)
  for (const { segment, base } of index.segments) {
    const { rows, dim, vectors, vectorSum, vectorScale } = segment
    const own = scores.subarray(base, base + rows)
    if (dim !== query.length) {
      own.fill(0)
      continue
    }
    dotRows(vectors, vectorSum, vectorScale, rows, quantised, own)
    for (let row = 0; row < rows; row++) {
      const doc = base + row
      if (own[row]! <= best.threshold || index.live[doc] === 0 || vectorScale[row] === 0) continue
      if (accept(doc)) best.add(doc, own[row]!)
    }
  }
  return best.sorted((doc) => index.number(doc))
}

/**
 * The same, and the scores of some documents that are looked at anyway, wherever they stand. They cost nothing: the scan
 * has passed them.
 *
 * @param docs 0 is the score of one without a vector
 */
export function searchVectorWith(
  index: Index,
  query: Float32Array,
  limit: number,
  docs: readonly { doc: number }[],
  accept?: Accept,
): VectorMatch[] {
  const nearest = searchVector(index, query, limit, accept)
  const known = new Set(nearest.map(({ doc }) => doc))
  const others = docs.flatMap(({ doc }) => (known.has(doc) ? [] : [{ doc, score: scores[doc]! }]))
  return [...nearest, ...others].sort(
    (a, b) => b.score - a.score || index.number(a.doc) - index.number(b.doc),
  )
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
