/** @file Search: query text → lexical and vector candidates → fused hits with reasons. */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { facetsOf } from '../../shared/retrieval/facets.ts'
import { type Filter, parseFilter } from '../../shared/retrieval/filter.ts'
import { weightFor } from '../../shared/retrieval/hybrid.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { FoundItem } from '../../shared/retrieval/source.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import type { FacetName, SearchReply } from '../../shared/schema/replies.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import type { TastesOf } from '../profile/tastes.ts'
import type { QueryEncoder } from '../ranking/query-encoder.ts'
import { rankedFrame, scoreShown } from '../ranking/ranked.ts'
import type { ItemsOf, SourceOf } from '../ranking/source-of.ts'
import type { StageTimer } from '../ranking/stages.ts'
import type { WaitUntil } from '../ranking/wait-until.ts'
import { byTaste, PERSONAL_DEPTH } from './personal.ts'

export type SearchMode = SearchReply['mode']
export type SearchRequest = {
  requestId: string
  query: string
  limit: number
  offset: number
  filter: string | undefined
  mode: SearchMode
  facets: readonly FacetName[]
  /** Pseudonym of a shopper whose tastes order the first hits; null for an order that is the same for all. */
  user: string | null
}

type Deps = { encoder: QueryEncoder; sourceOf: SourceOf; itemsOf: ItemsOf; tastesOf: TastesOf }
export type Search = (
  index: Index,
  request: SearchRequest,
  stages: StageTimer,
  waitUntil: WaitUntil,
) => Promise<Result<SearchReply, Problem>>

export function createSearch({ encoder, sourceOf, itemsOf, tastesOf }: Deps): Search {
  /**
   * Without its encoder, or when the budget is spent, hybrid search is lexical search and says so. An explicit `mode=vector`
   * waits.
   */
  async function encodeQuery(
    index: Index,
    { query, mode }: SearchRequest,
    stages: StageTimer,
    waitUntil: WaitUntil,
  ): Promise<{ vector: Float32Array | null; degraded: string[] }> {
    if (mode === 'hybrid' && stages.isOver()) return { vector: null, degraded: ['retrieve-over-budget'] }
    const encoded = await encoder.encode(index.manifest.model, query, { wait: mode === 'vector', waitUntil })
    if (encoded.ok) return { vector: encoded.value, degraded: [] }
    return { vector: null, degraded: [`query-encoder-${encoded.error.kind}`] }
  }

  /** The first hits are the same for every page, so that none comes twice and none is lost. */
  async function pageFor(
    user: string,
    index: Index,
    found: readonly FoundItem[],
    { offset, limit }: SearchRequest,
    stages: StageTimer,
  ): Promise<{ items: readonly FoundItem[]; degraded: string[] }> {
    stages.begin('profile')
    const { affinities, degraded } = await tastesOf(itemsOf(index), user)
    const ordered = [...byTaste(found.slice(0, PERSONAL_DEPTH), affinities), ...found.slice(PERSONAL_DEPTH)]
    return { items: ordered.slice(offset, offset + limit), degraded }
  }

  return async (index, request, stages, waitUntil) => {
    stages.begin('retrieve')
    const { query, limit, offset, mode, facets, user } = request
    const isPersonal = user !== null && offset < PERSONAL_DEPTH
    const filter = filterOf(request.filter)
    if (!filter.ok) return filter

    const weight = mode === 'lexical' ? 0 : mode === 'vector' ? 1 : weightFor(index.manifest.fusion, query)
    const { vector, degraded } =
      weight > 0 ? await encodeQuery(index, request, stages, waitUntil) : { vector: null, degraded: [] }
    const found = await sourceOf(index).retrieve({
      terms: analyseQuery(query),
      vector,
      vectorWeight: vector === null && mode === 'hybrid' ? 0 : weight,
      filter: filter.value,
      facets,
      ...(isPersonal ? { offset: 0, limit: Math.max(PERSONAL_DEPTH, offset + limit) } : { offset, limit }),
      isOver: () => mode === 'hybrid' && stages.isOver(),
    })
    if (!found) return err({ kind: 'index-not-ready' })
    const page = isPersonal
      ? await pageFor(user, index, found.items, request, stages)
      : { items: found.items, degraded: [] }
    stages.begin('rank')
    const hits = page.items.map(({ display, score, words }) => ({
      ...display,
      score: scoreShown(score),
      reasons: [
        words.length > 0
          ? `matches '${words.join(' ')}'`
          : `close in meaning to '${query.slice(0, 80).trim().toWellFormed()}'`,
      ],
    }))
    return ok({
      ...rankedFrame(request.requestId, index, [...degraded, ...found.degraded, ...page.degraded]),
      hits,
      total: found.total,
      mode,
      ...(facets.length > 0 ? { facets: facetsOf(found.facets) } : {}),
    })
  }
}

function filterOf(text: string | undefined): Result<Filter, Problem> {
  if (text === undefined || text.trim() === '') return ok([])
  const filter = parseFilter(text)
  if (filter.ok) return filter
  const { position, message } = filter.error
  return err({
    kind: 'invalid-request',
    issues: [{ path: 'filter', message: `at character ${position + 1}: ${message}` }],
  })
}
