/** @file Search over the quantised vectors of an index; the engine ranks, this file knows documents and filters. */
import { isOpen, type Target, type VectorMatch } from '../vector/engine.ts'
import type { Accept } from './lexical.ts'
import type { Index } from './load-index.ts'

/** A filter is asked about so many times the matches that are wanted, before it is asked about every document. */
const OVERFETCH = 2

/**
 * Best documents by dot product with the query (cosine for unit vectors), best first, equal scores by item number.
 *
 * @param query f32[dim]
 */
export function searchVector(
  index: Index,
  query: Float32Array,
  limit: number,
  accept?: Accept,
): VectorMatch[] {
  const { engine, segments } = index
  if (!accept) return engine.search(segments, query, limit)
  // Most filters let most documents through: then it is enough to ask about the nearest.
  const nearest = engine.search(segments, query, OVERFETCH * limit)
  const accepted = nearest.filter(({ doc }) => accept(doc))
  if (accepted.length >= limit || nearest.length < OVERFETCH * limit) return accepted.slice(0, limit)
  return engine.search(
    segments.map((target) => narrowed(target, accept)),
    query,
    limit,
  )
}

/** A target without the rows that the filter refuses. */
function narrowed({ part, base, mask }: Target, accept: Accept): Target {
  const narrow = mask.slice()
  for (let row = 0; row < part.rows; row++)
    if (isOpen(mask, row) && !accept(base + row)) narrow[row >>> 5]! &= ~(1 << (row & 31))
  return { part, base, mask: narrow }
}

/**
 * The same, and the scores of some documents that are looked at anyway, wherever they stand.
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
  const others = scoresOf(
    index,
    query,
    docs.map(({ doc }) => doc).filter((doc) => !known.has(doc)),
  )
  return [...nearest, ...others].sort(
    (a, b) => b.score - a.score || index.number(a.doc) - index.number(b.doc),
  )
}

function scoresOf(index: Index, query: Float32Array, docs: readonly number[]): VectorMatch[] {
  return index.segments.flatMap(({ part, base }) => {
    const own = docs.filter((doc) => doc >= base && doc < base + part.rows)
    if (own.length === 0) return []
    const scores = index.engine.scoresOf(
      part,
      own.map((doc) => doc - base),
      query,
    )
    return own.map((doc, at) => ({ doc, score: scores[at]! }))
  })
}

/** Vector of a document, null when it has none. */
export function vectorOf(index: Index, doc: number): Float32Array | null {
  const { part, row } = index.locate(doc)
  return index.engine.vectorOf(part, row)
}
