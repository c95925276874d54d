/**
 * @file Where the hits of a search come from: the index of this isolate, the shards of a large one, or an engine elsewhere. One
 * type for all, so that nothing behind it matters to the search: what comes back can be shown as it is.
 */
import type { FacetName, Hit } from '../schema/replies.ts'
import type { QueryTerm } from '../text/analyse.ts'
import { type FacetTally, tallyFacets } from './facets.ts'
import { compileFilter, type Filter } from './filter.ts'
import { takeBest, type VectorMatches } from './fusion.ts'
import { combine, NOTHING_NEAR, SEARCH_DEPTH_MAX, vectorMatches } from './hybrid.ts'
import { type LexicalResult, matchedWords, searchLexical } from './lexical.ts'
import type { DocMask, Index } from './load-index.ts'
import { vectorFaultsOf } from './vector-faults.ts'

export type Retrieval = {
  terms: readonly QueryTerm[]
  /** f32[dim], unit length; null when there is none, and then the vectors find nothing. */
  vector: Float32Array | null
  /** w of `fuse`: 0 asks for words only, 1 for vectors only. */
  vectorWeight: number
  filter: Filter
  /** Counts wanted over all that matches. */
  facets: readonly FacetName[]
  /** offset + limit ≤ SEARCH_DEPTH_MAX */
  offset: number
  limit: number
  /** Asked after the words: true leaves out what only the vectors would find, and says so. */
  isOver?: () => boolean
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
  /** Of what was asked for. */
  facets: FacetTally
  /** Parts of the index that the reply lacks, or knows by estimates: "shard-2-timeout", "vectors-estimated". */
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

/** The index in this isolate: no wait. */
export const createIndexSource = (index: Index): Source => ({
  retrieve(retrieval) {
    const accept = acceptOf(index, retrieval)
    const seen = seenOf(index, retrieval)
    const lexical = findWords(index, retrieval, accept, seen)
    const { vector } = retrieval
    if (vector && retrieval.isOver?.()) {
      const page = pageOf(index, { ...retrieval, vectorWeight: 0 }, { lexical, near: NOTHING_NEAR, seen })
      return { ...page, degraded: ['retrieve-over-budget'] }
    }
    const near = vector ? vectorMatches(index, vector, lexical.matches, accept) : NOTHING_NEAR
    const page = pageOf(index, retrieval, { lexical, near, seen })
    return vector ? { ...page, degraded: vectorFaultsOf(index) } : page
  },
})

export const acceptOf = (index: Index, { filter }: Retrieval): DocMask | undefined =>
  filter.length > 0 ? compileFilter(index, filter) : undefined

/** u8[docCount] to mark matches in, where they are to be counted. */
export const seenOf = ({ docCount }: Index, { facets }: Retrieval): Uint8Array | null =>
  facets.length > 0 ? new Uint8Array(docCount) : null

/** @param seen receives 1 for every match */
export const findWords = (
  index: Index,
  retrieval: Retrieval,
  accept: DocMask | undefined,
  seen: Uint8Array | null,
): LexicalResult =>
  retrieval.vectorWeight < 1
    ? searchLexical(index, retrieval.terms, lexicalDepth(retrieval), accept, seen)
    : NO_MATCHES

/** `near`: of documents of this index, equal scores by item number. */
type Matches = { lexical: LexicalResult; near: VectorMatches; seen: Uint8Array | null }

export function pageOf(
  index: Index,
  { vectorWeight, offset, limit, facets }: Retrieval,
  { lexical, near, seen }: Matches,
): Found {
  const fused = combine(index, lexical.matches, near, vectorWeight)
  const page = takeBest(fused, offset + limit).slice(offset)
  const items = page.map(({ doc, score, found }) => ({
    number: index.number(doc),
    score,
    words: matchedWords(lexical, found),
    display: index.display(doc),
  }))
  // What only the vectors found counts too.
  if (seen) for (const { doc } of fused) seen[doc] = 1
  return {
    items,
    total: Math.max(lexical.total, fused.length),
    facets: seen ? tallyFacets(index, seen, facets) : {},
    degraded: [],
  }
}
