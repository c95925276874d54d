/** @file `aisle search`, `recommend`, `similar` and `status`: the API from a terminal, as a table. */
import type { Hit, RankedReply, SearchReply, StatusReply } from '../../shared/schema/replies.ts'
import type { Client } from './client.ts'
import { renderTable } from './table.ts'

const query = (parameters: Record<string, string | number | undefined>): string =>
  new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  ).toString()

export type SearchOptions = { limit: number; filter?: string; mode?: string }

export const search = (client: Client, text: string, { limit, filter, mode }: SearchOptions) =>
  client.get<SearchReply>(`/v1/search?${query({ q: text, limit, filter, mode })}`)

export type RecommendOptions = { limit: number; item?: string; scenario?: string; lang?: string }

export const recommend = (
  client: Client,
  userId: string,
  { item: itemId, limit, scenario, lang }: RecommendOptions,
) => client.get<RankedReply>(`/v1/recommendations?${query({ userId, itemId, limit, scenario, lang })}`)

export const similar = (client: Client, itemId: string, limit: number) =>
  client.get<RankedReply>(`/v1/items/${encodeURIComponent(itemId)}/similar?${query({ limit })}`)

export const status = (client: Client) => client.get<StatusReply>('/v1/status')

/** Ranked hits as a table, with a line for what was degraded. */
export function renderHits(reply: { hits: Hit[]; degraded: string[]; indexVersion: number }): string {
  const price = (hit: Hit) =>
    hit.price === null ? '–' : `${hit.price.toFixed(2)} ${hit.currency ?? ''}`.trim()
  const table = renderTable(
    ['#', 'id', 'title', 'price', 'score', 'why'],
    reply.hits.map((hit, index) => [
      String(index + 1),
      hit.id,
      hit.title,
      price(hit),
      hit.score.toFixed(3),
      hit.reasons.join('; '),
    ]),
  )
  const notes = reply.degraded.length > 0 ? `\ndegraded: ${reply.degraded.join(', ')}` : ''
  return reply.hits.length > 0 ? table + notes : `No items found.${notes}`
}

export function renderStatus({ items, index, model, queue, faults }: StatusReply): string {
  return renderTable(
    ['what', 'now'],
    [
      ['items', `${items.searchable} searchable of ${items.accepted} accepted`],
      ['', `${items.quarantined} in quarantine, ${items.duplicates} duplicates`],
      [
        'index',
        `version ${index.version}, ${index.segments} segments, ${(index.residentBytes / 1e6).toFixed(1)} MB resident`,
      ],
      ['published', index.publishedAt ?? 'never'],
      ['fault', index.fault ?? 'none'],
      ['faults counted', faults.map(({ name, count }) => `${count} × ${name}`).join(', ') || 'none'],
      [
        'model',
        model
          ? `${model.id}, ${model.layers} × ${model.dim}, ${model.trained ? 'trained' : 'not trained'}`
          : 'none yet',
      ],
      [
        'vector weight',
        model
          ? `${model.vectorWeight}, ${model.validatedOn ? `validated on ${model.validatedOn} queries` : 'not validated yet'}`
          : '–',
      ],
      [
        'queue',
        `${queue.pendingBatches} batches wait, the oldest ${queue.oldestSeconds.toFixed(0)} s; ${queue.deadLetters} dead letters`,
      ],
    ],
    100,
  )
}
