/** @file A catalogue, or a day's events, as a snapshot of a few KB that a later one can be compared with. */
import type { DaySnapshot, FeedSnapshot, VectorSummary } from '../../schema/drift.ts'
import type { StoredEvent } from '../../schema/events.ts'
import type { Item } from '../../schema/item.ts'
import { foldText } from '../../text/normalise.ts'
import { cellOf } from './histogram.ts'
import { mixOf } from './mix.ts'

/** What fewer shoppers typed may say who they are: it is counted, and not named. */
const SHOPPERS_MIN = 3
const QUERIES_MAX = 300

export type FeedRow = Pick<Item, 'title' | 'brand' | 'category' | 'price' | 'currency' | 'stock' | 'image'>

/** @param vectors of the same rows, where they are at hand */
export function feedSnapshot(
  rows: Iterable<FeedRow>,
  takenAtMs: number,
  vectors: VectorSummary | null = null,
): FeedSnapshot {
  const numbers = { price: new Map<string, number>(), 'title length': new Map<string, number>() }
  const mixes = {
    category: new Map<string, number>(),
    brand: new Map<string, number>(),
    currency: new Map<string, number>(),
    'price given': new Map<string, number>(),
    'brand given': new Map<string, number>(),
    'category given': new Map<string, number>(),
    'image given': new Map<string, number>(),
    'in stock': new Map<string, number>(),
  }
  let count = 0
  for (const { title, brand, category, price, currency, stock, image } of rows) {
    count++
    if (price !== null) add(numbers.price, cellOf(price))
    add(numbers['title length'], cellOf(title.length))
    add(mixes.category, category.slice(0, 2).join(' > '))
    add(mixes.brand, brand)
    add(mixes.currency, currency ?? '')
    add(mixes['price given'], yesNo(price !== null))
    add(mixes['brand given'], yesNo(brand !== ''))
    add(mixes['category given'], yesNo(category.length > 0))
    add(mixes['image given'], yesNo(image !== ''))
    add(mixes['in stock'], stock === null ? 'unknown' : yesNo(stock > 0))
  }
  return {
    ...{ kind: 'feed', takenAt: new Date(takenAtMs).toISOString(), rows: count, vectors },
    numbers: mapValues(numbers, (counts) => mixOf(counts)),
    mixes: mapValues(mixes, (counts) => mixOf(counts)),
  }
}

/** @param events of one UTC day, of people only (see `../events/judge-shoppers.ts`) */
export function daySnapshot(
  events: Iterable<Pick<StoredEvent, 'kind' | 'user' | 'query'>>,
  date: string,
  takenAtMs: number,
): DaySnapshot {
  const kinds = new Map<string, number>()
  const shoppersOf = new Map<string, Set<string>>()
  for (const { kind, user, query } of events) {
    add(kinds, kind)
    if (kind !== 'search' || query === undefined) continue
    const text = foldText(query).trim().replace(/\s+/g, ' ')
    const shoppers = shoppersOf.get(text)
    if (shoppers) shoppers.add(user)
    else shoppersOf.set(text, new Set([user]))
  }
  const known = [...shoppersOf].filter(([, shoppers]) => shoppers.size >= SHOPPERS_MIN)
  const queries = mixOf(new Map(known.map(([text, shoppers]) => [text, shoppers.size])), QUERIES_MAX)
  const all = [...shoppersOf.values()].reduce((sum, shoppers) => sum + shoppers.size, 0)
  const named = queries.counts.reduce((sum, [, count]) => sum + count, 0)
  return {
    ...{ kind: 'day', takenAt: new Date(takenAtMs).toISOString(), date, kinds: mixOf(kinds) },
    queries: { ...queries, other: all - named },
  }
}

const yesNo = (is: boolean) => (is ? 'yes' : 'no')

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
const mapValues = <From, To>(record: Record<string, From>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
