/** @file The one hybrid search: what serves shoppers and what is validated are the same code. */
import type { Fusion } from '../schema/manifest.ts'
import { fuse, type VectorMatches } from './fusion.ts'
import type { LexicalMatch } from './lexical.ts'
import type { DocMask, Index } from './load-index.ts'
import { scoresOf, searchVector } from './vector.ts'

/** Vector candidates; beyond these a likeness is noise. */
export const VECTOR_DEPTH = 200
/** How far paging can reach; also the number of lexical candidates that are fused. */
export const SEARCH_DEPTH_MAX = 1_000

export const hasNumber = (query: string): boolean => /\p{N}/u.test(query)

/** w for a query; a search with 0 need not encode it. */
export const weightFor = (
  { vectorWeight, numberWeight = 0 }: Pick<Fusion, 'vectorWeight' | 'numberWeight'>,
  query: string,
): number => (hasNumber(query) ? numberWeight : vectorWeight)

/**
 * What the vectors say for a hybrid search: the nearest documents, and of every lexical match how near it is.
 *
 * @param query f32[dim], unit length
 */
export const vectorMatches = (
  index: Index,
  query: Float32Array,
  lexical: readonly LexicalMatch[],
  accept?: DocMask,
): VectorMatches => ({
  nearest: searchVector(index, query, VECTOR_DEPTH, accept),
  cosines: scoresOf(index, query, lexical),
})

export const NOTHING_NEAR: VectorMatches = { nearest: [], cosines: [] }

/**
 * Lexical and vector matches as one list, of which `takeBest` gives a page. Something is nearest to every query, "zamboni" too,
 * and a shopper is better told that nothing was found: an item without a matching word has to be as near as answers are. A
 * model that has learnt nothing may only reorder what the words found. With weight 0 it is the lexical list, with 1 the nearest.
 */
export function combine(
  index: Pick<Index, 'manifest'>,
  lexical: readonly LexicalMatch[],
  { nearest, cosines }: VectorMatches,
  vectorWeight: number,
): LexicalMatch[] {
  if (vectorWeight === 0) return [...lexical]
  if (vectorWeight === 1) return nearest.map((match) => ({ ...match, found: 0 }))
  const { model, fusion } = index.manifest
  const nearMin = model.trained ? (fusion.nearMin ?? -1) : Number.POSITIVE_INFINITY
  return fuse(lexical, { nearest, cosines }, { vectorWeight, nearMin })
}
