/** @file Search over the quantised vectors of an index; the engine ranks, this file knows documents and filters. */
import type { Target, VectorMatch } from '../vector/engine.ts'
import type { DocMask, Index } from './load-index.ts'

/**
 * Best documents by dot product with the query (cosine for unit vectors), best first, equal scores by item number.
 *
 * @param query f32[dim]
 */
export function searchVector(
  index: Index,
  query: Float32Array,
  limit: number,
  accept?: DocMask,
): VectorMatch[] {
  const { engine, segments } = index
  const targets = accept ? segments.map((target) => narrowed(target, accept)) : segments
  return engine.search(targets, query, limit)
}

/** A target without the rows that are not accepted. */
function narrowed({ part, base, mask }: Target, accept: DocMask): Target {
  const narrow = new Uint32Array(mask.length)
  const shift = base & 31
  for (let word = 0, from = base >>> 5; word < mask.length; word++, from++) {
    // A segment need not begin where a word does. A shift by 32 is one by 0.
    const rest = shift === 0 ? 0 : (accept[from + 1] ?? 0) << (32 - shift)
    narrow[word] = mask[word]! & ((accept[from]! >>> shift) | rest)
  }
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
  accept?: DocMask,
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
