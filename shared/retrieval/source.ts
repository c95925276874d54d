/**
 * @file Where the hits of a search come from: the index of this isolate, the shards of a large one, or an engine elsewhere. One
 * type for all, so that nothing behind it matters to the search: what comes back can be shown as it is.
 */
import type { Hit } from '../schema/replies.ts'
import type { QueryTerm } from '../text/analyse.ts'
import { compileFilter, type Filter } from './filter.ts'
import type { Ranked } from './fusion.ts'
import { combine, SEARCH_DEPTH_MAX, vectorMatches } from './hybrid.ts'
import { type Accept, type LexicalResult, matchedWords, searchLexical } from './lexical.ts'
import type { Index } from './load-index.ts'

export type Retrieval = {
  terms: readonly QueryTerm[]
  /** f32[dim], unit length; null when there is none, and then the vectors find nothing. */
  vector: Float32Array | null
  /** w of `fuse`: 0 asks for words only, 1 for vectors only. */
  vectorWeight: number
  filter: Filter
  /** offset + limit ≤ SEARCH_DEPTH_MAX */
  offset: number
  limit: number
}

/** What an item shows, wherever it is. */
export type Display = Omit<Hit, 'score' | 'reasons'>
export type FoundItem = {
  /** Stable item number. */
  number: number
  score: number
  /** Words of the query that it matched, as typed; empty for what only the vectors found. */
  words: readonly string[]
  display: Display
}
export type Found = {
  /** The page asked for, best first; equal scores as `fuse` leaves them. */
  items: FoundItem[]
  /** All that matched. */
  total: number
  /** Parts of the index that the reply lacks: "shard-2-timeout". */
  degraded: string[]
}

export type Source = {
  /** Null when no part of it answered. All of a reply is of one index version. */
  retrieve(retrieval: Retrieval): Found | null | Promise<Found | null>
}

/** With words alone nothing below the page can come up. */
export const lexicalDepth = ({ vectorWeight, offset, limit }: Retrieval): number =>
  vectorWeight === 0 ? offset + limit : SEARCH_DEPTH_MAX

export const NO_MATCHES: LexicalResult = { matches: [], total: 0, words: [] }

/** The index in this isolate: no wait, no part that could be missing. */
export const createIndexSource = (index: Index): Source => ({
  retrieve(retrieval) {
    const accept = acceptOf(index, retrieval)
    const lexical = findWords(index, retrieval, accept)
    const { vector } = retrieval
    const near = vector ? vectorMatches(index, vector, lexical.matches, accept) : []
    return pageOf(index, retrieval, lexical, near)
  },
})

export const acceptOf = (index: Index, { filter }: Retrieval): Accept | undefined =>
  filter.length > 0 ? compileFilter(index, filter) : undefined

export const findWords = (index: Index, retrieval: Retrieval, accept?: Accept): LexicalResult =>
  retrieval.vectorWeight < 1
    ? searchLexical(index, retrieval.terms, lexicalDepth(retrieval), accept)
    : NO_MATCHES

/** @param near of documents of this index, best first, equal scores by item number */
export function pageOf(
  index: Index,
  { vectorWeight, offset, limit }: Retrieval,
  lexical: LexicalResult,
  near: readonly Ranked[],
): Found {
  const fused = combine(index, lexical.matches, near, vectorWeight)
  const foundBy = new Map(lexical.matches.map(({ doc, found }) => [doc, found]))
  const items = fused.slice(offset, offset + limit).map(({ doc, score }) => ({
    number: index.number(doc),
    score,
    words: matchedWords(lexical, foundBy.get(doc) ?? 0),
    display: index.display(doc),
  }))
  return { items, total: Math.max(lexical.total, fused.length), degraded: [] }
}
