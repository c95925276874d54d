/**
 * @file What a shop's own catalogue and event log teach: which items followed which query, and which went into one basket.
 * Split by time, so that a model is judged on what came after what it learnt from.
 */
import type { StoredEvent } from '../../shared/schema/events.ts'
import type { BatchRow } from '../../shared/schema/jobs.ts'
import type { Judgment, TrainingData, TrainingItem } from '../train/examples.ts'

/** How much a shopper's act says for an item as the answer to a query. */
const RELEVANCE = { view: 1, click: 1, 'add-to-cart': 2, purchase: 3 } as const
/** After a search, acts within this time are taken to follow from it. */
const SEARCH_MS = 30 * 60_000
/** The last part of the log, by time, is kept to judge on. */
const TEST_SHARE = 0.2

export type SplitData = {
  training: TrainingData
  /** Judgments of queries from the later part of the log that the earlier part does not have. */
  test: Judgment[]
  splitAtMs: number | null
}

export function trainingItems(rows: readonly BatchRow[]): Map<number, TrainingItem> {
  return new Map(
    rows.flatMap(({ number, item }) =>
      item
        ? [
            [
              number,
              {
                id: item.id,
                title: item.title,
                brand: item.brand,
                category: item.category,
                description: item.description,
              },
            ] as const,
          ]
        : [],
    ),
  )
}

/** @param events oldest first */
export function splitByTime(
  items: ReadonlyMap<number, TrainingItem>,
  events: readonly StoredEvent[],
): SplitData {
  const at = Math.floor(events.length * (1 - TEST_SHARE))
  const splitAtMs = events[at]?.timeMs ?? null
  const before = events.filter(({ timeMs }) => splitAtMs !== null && timeMs < splitAtMs)
  const after = events.filter(({ timeMs }) => splitAtMs !== null && timeMs >= splitAtMs)
  const judgments = judgmentsOf(items, before)
  const seen = new Set(judgments.map(({ query }) => query))
  // A query that was learnt from says nothing about new ones: only those that are new are judged on.
  const test = judgmentsOf(items, after).filter(({ query }) => !seen.has(query))
  return {
    training: {
      items: [...items.values()],
      judgments,
      baskets: basketsOf(items, before),
      queries: [...new Set(before.flatMap(({ query }) => query ?? []))],
    },
    test,
    splitAtMs,
  }
}

/** The strongest act of anybody on an item after a query is its relevance for that query. */
export function judgmentsOf(
  items: ReadonlyMap<number, TrainingItem>,
  events: readonly StoredEvent[],
): Judgment[] {
  const lastSearch = new Map<string, { query: string; timeMs: number }>()
  const byQuery = new Map<string, Map<string, number>>()
  for (const event of events) {
    const visit = event.session ?? event.user
    if (event.kind === 'search' && event.query) {
      lastSearch.set(visit, { query: normalise(event.query), timeMs: event.timeMs })
      continue
    }
    const relevance = RELEVANCE[event.kind as keyof typeof RELEVANCE]
    if (relevance === undefined) continue
    const search = lastSearch.get(visit)
    const query = event.query
      ? normalise(event.query)
      : search && event.timeMs - search.timeMs <= SEARCH_MS
        ? search.query
        : null
    if (!query) continue
    const known = byQuery.get(query) ?? new Map<string, number>()
    for (const number of event.items) {
      const item = items.get(number)
      if (item) known.set(item.id, Math.max(known.get(item.id) ?? 0, relevance))
    }
    byQuery.set(query, known)
  }
  return [...byQuery].flatMap(([query, known]) =>
    [...known].map(([itemId, relevance]) => ({ query, itemId, relevance })),
  )
}

const normalise = (query: string): string => query.trim().toLowerCase().replace(/\s+/g, ' ')

function basketsOf(items: ReadonlyMap<number, TrainingItem>, events: readonly StoredEvent[]): string[][] {
  const baskets = new Map<string, string[]>()
  for (const { kind, session, user, timeMs, items: numbers } of events) {
    if (kind !== 'purchase' && kind !== 'add-to-cart') continue
    const key = session ?? `${user} ${Math.floor(timeMs / 86_400_000)}`
    const basket = baskets.get(key) ?? []
    basket.push(...numbers.flatMap((number) => items.get(number)?.id ?? []))
    baskets.set(key, basket)
  }
  return [...baskets.values()].filter((basket) => new Set(basket).size >= 2)
}
