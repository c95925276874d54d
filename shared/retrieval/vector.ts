/** @file Search over the quantised vectors of an index; the engine ranks, this file knows documents and filters. */
import type { Target, VectorMatch } from '../vector/engine.ts'
import type { DocMask, Index } from './load-index.ts'

/**
 * Best documents by dot product with the query (cosine for unit vectors), best first, equal scores by item number.
 *
 * @param query f32[dim]
 */
export const searchVector = (
  index: Index,
  query: Float32Array,
  limit: number,
  accept?: DocMask,
): VectorMatch[] => searchVectors(index, [query], limit, accept)[0]!

/** Likewise for up to four queries of one dimension, in one pass. */
export function searchVectors(
  index: Index,
  queries: readonly Float32Array[],
  limit: number,
  accept?: DocMask,
): VectorMatch[][] {
  const { engine, segments } = index
  const targets = accept ? segments.map((target) => narrowed(target, accept)) : segments
  return engine.searchMany(targets, queries, limit)
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

/** Dot products of some documents with the query, in their order; 0 for one without a vector. f32[docs.length] */
export function scoresOf(index: Index, query: Float32Array, docs: readonly { doc: number }[]): Float32Array {
  const scores = new Float32Array(docs.length)
  for (const { part, base } of index.segments) {
    const places: number[] = []
    const rows: number[] = []
    docs.forEach(({ doc }, place) => {
      if (doc < base || doc >= base + part.rows) return
      places.push(place)
      rows.push(doc - base)
    })
    if (rows.length === 0) continue
    const own = index.engine.scoresOf(part, rows, query)
    places.forEach((place, at) => {
      scores[place] = own[at]!
    })
  }
  return scores
}

/** Vector of a document, null when it has none. */
export function vectorOf(index: Index, doc: number): Float32Array | null {
  const { part, row } = index.locate(doc)
  return index.engine.vectorOf(part, row)
}
