/** @file Search: query text → lexical and vector candidates → fused hits with reasons. */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { compileFilter, parseFilter } from '../../shared/retrieval/filter.ts'
import type { Ranked } from '../../shared/retrieval/fusion.ts'
import { combine, vectorMatches, weightFor } from '../../shared/retrieval/hybrid.ts'
import {
  type Accept,
  type LexicalMatch,
  matchedWords,
  searchLexical,
} from '../../shared/retrieval/lexical.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import type { SearchReply } from '../../shared/schema/replies.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import type { QueryEncoder } from '../ranking/query-encoder.ts'
import { rankedFrame, toHit } from '../ranking/ranked.ts'
import type { StageTimer } from '../ranking/stages.ts'
import type { WaitUntil } from '../ranking/wait-until.ts'

export type SearchMode = SearchReply['mode']
export type SearchRequest = {
  requestId: string
  query: string
  limit: number
  offset: number
  filter: string | undefined
  mode: SearchMode
}
/** How far paging can reach; also the number of lexical candidates that are fused. */
export const SEARCH_DEPTH_MAX = 1_000

type Deps = { encoder: QueryEncoder }
export type Search = (
  index: Index,
  request: SearchRequest,
  stages: StageTimer,
  waitUntil: WaitUntil,
) => Promise<Result<SearchReply, Problem>>

export function createSearch({ encoder }: Deps): Search {
  /**
   * Without its encoder, or when the words took the whole budget, hybrid search is lexical search and says so. An explicit
   * `mode=vector` waits.
   */
  async function findByVector(
    index: Index,
    { query, mode }: SearchRequest,
    lexical: readonly LexicalMatch[],
    accept: Accept,
    stages: StageTimer,
    waitUntil: WaitUntil,
  ): Promise<{ vector: Ranked[]; degraded: string[] }> {
    if (mode === 'hybrid' && stages.isOver()) return { vector: [], degraded: ['retrieve-over-budget'] }
    const encoded = await encoder.encode(index.manifest.model, query, { wait: mode === 'vector', waitUntil })
    if (encoded.ok) return { vector: vectorMatches(index, encoded.value, lexical, accept), degraded: [] }
    return { vector: [], degraded: [`query-encoder-${encoded.error.kind}`] }
  }

  return async (index, request, stages, waitUntil) => {
    stages.begin('retrieve')
    const { query, limit, offset, mode } = request
    const accept = acceptOf(index, request.filter)
    if (!accept.ok) return accept

    const weight = mode === 'lexical' ? 0 : mode === 'vector' ? 1 : weightFor(index.manifest.fusion, query)
    // Without vectors the order is the lexical one, and nothing below the page can come up.
    const lexicalDepth = weight === 0 ? offset + limit : SEARCH_DEPTH_MAX
    const lexical =
      weight < 1
        ? searchLexical(index, analyseQuery(query), lexicalDepth, accept.value)
        : { matches: [], total: 0, words: [] }
    const { vector, degraded } =
      weight > 0
        ? await findByVector(index, request, lexical.matches, accept.value, stages, waitUntil)
        : { vector: [], degraded: [] as string[] }

    stages.begin('rank')
    const usedWeight = degraded.length > 0 && mode === 'hybrid' ? 0 : weight
    const fused = combine(index, lexical.matches, vector, usedWeight)
    const foundBy = new Map(lexical.matches.map(({ doc, found }) => [doc, found]))
    const hits = fused.slice(offset, offset + limit).map(({ doc, score }) => {
      const found = foundBy.get(doc)
      const reason = found
        ? `matches '${matchedWords(lexical, found).join(' ')}'`
        : `close in meaning to '${query.slice(0, 80).trim().toWellFormed()}'`
      return toHit(index, { doc, score, reasons: [reason] })
    })
    return ok({
      ...rankedFrame(request.requestId, index, degraded),
      hits,
      total: Math.max(lexical.total, fused.length),
      mode,
    })
  }
}

function acceptOf(index: Index, text: string | undefined): Result<Accept, Problem> {
  if (text === undefined || text.trim() === '') return ok(() => true)
  const filter = parseFilter(text)
  if (filter.ok) return ok(compileFilter(index, filter.value))
  const { position, message } = filter.error
  return err({
    kind: 'invalid-request',
    issues: [{ path: 'filter', message: `at character ${position + 1}: ${message}` }],
  })
}
