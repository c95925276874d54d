/** @file Cron: from counted events to the lists that ranking and suggestions read: popular, bought together, searched for. */
import { SIGNALS_KEY, type Signals } from '../../shared/schema/events.ts'

const POPULAR_MAX = 1_000
const PARTNERS_MAX = 20
const PAIRS_MAX = 50_000
const QUERIES_MAX = 1_000
/** What fewer shoppers typed may say who they are. */
const SHOPPERS_MIN = 3
const DAY_MS = 86_400_000
const WINDOW_DAYS = 60
/** After a week an event counts half. */
const HALF_LIFE_DAYS = 7
/** How much an event says about demand, against one view. An impression is the shop's own doing. */
const KIND_WEIGHTS: Record<string, number> = { view: 1, click: 1, 'add-to-cart': 4, purchase: 10, rating: 2 }
/** Pairs seen once are chance. Lift alone prefers rare items; this many purchases are added to each side. */
const LIFT_SMOOTHING = 3

type Deps = { db: D1Database; bucket: Pick<R2Bucket, 'put' | 'head'>; clock: () => number }

/**
 * Popularity: Σ weight(kind) · ½^(age / half-life). Together: pairs / √((n(a) + s) · (n(b) + s)), a cosine that neither
 * best-sellers nor single purchases dominate. Written only when events came since the last time.
 * Source: item-to-item similarity, Linden, Smith, York, IEEE Internet Computing 2003.
 */
export const createComputeSignals =
  ({ db, bucket, clock }: Deps) =>
  async (): Promise<'written' | 'unchanged'> => {
    const today = Math.floor(clock() / DAY_MS)
    const seen = await db.prepare('SELECT count(*) AS events FROM events_seen').first<{ events: number }>()
    // The stamp says of which state a file is; a new day changes the decay even when no event came.
    const stamp = `${seen?.events ?? 0}-${today}`
    const held = await bucket.head(SIGNALS_KEY)
    if (held?.customMetadata?.['stamp'] === stamp || (!held && !seen?.events)) return 'unchanged'

    const since = today - WINDOW_DAYS
    const [counts, pairs, bought, searched] = await db.batch<Record<string, number | string>>([
      db.prepare('SELECT number, kind, day, count FROM item_counts WHERE day > ?').bind(since),
      db
        .prepare('SELECT first, second, count FROM pair_counts WHERE count > 1 ORDER BY count DESC LIMIT ?')
        .bind(PAIRS_MAX),
      db.prepare(
        "SELECT number, sum(count) AS count FROM item_counts WHERE kind = 'purchase' GROUP BY number",
      ),
      db
        .prepare(
          `SELECT query, count(*) AS shoppers FROM query_users WHERE day > ?
           GROUP BY query HAVING shoppers >= ? ORDER BY shoppers DESC, query LIMIT ?`,
        )
        .bind(since, SHOPPERS_MIN, QUERIES_MAX),
      db.prepare('DELETE FROM query_users WHERE day <= ?').bind(since),
    ])
    const signals: Signals = {
      computedAt: new Date(clock()).toISOString(),
      popular: popularity(counts!.results as CountRow[], today),
      queries: (searched!.results as { query: string; shoppers: number }[]).map(({ query, shoppers }) => [
        query,
        shoppers,
      ]),
      together: partners(pairs!.results as PairRow[], bought!.results as { number: number; count: number }[]),
    }
    await bucket.put(SIGNALS_KEY, JSON.stringify(signals), { customMetadata: { stamp } })
    return 'written'
  }

type CountRow = { number: number; kind: string; day: number; count: number }
type PairRow = { first: number; second: number; count: number }

export function popularity(rows: readonly CountRow[], today: number): [number, number][] {
  const scores = new Map<number, number>()
  for (const { number, kind, day, count } of rows) {
    const score = (KIND_WEIGHTS[kind] ?? 0) * count * 0.5 ** (Math.max(0, today - day) / HALF_LIFE_DAYS)
    if (score > 0) scores.set(number, (scores.get(number) ?? 0) + score)
  }
  return [...scores]
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, POPULAR_MAX)
    .map(([number, score]) => [number, Math.round(score * 1_000) / 1_000])
}

export function partners(
  pairs: readonly PairRow[],
  bought: readonly { number: number; count: number }[],
): Signals['together'] {
  const purchases = new Map(bought.map(({ number, count }) => [number, count]))
  const norm = (number: number) => Math.sqrt((purchases.get(number) ?? 0) + LIFT_SMOOTHING)
  const together = new Map<number, [number, number][]>()
  const add = (from: number, to: number, score: number) => {
    const list = together.get(from)
    if (list) list.push([to, score])
    else together.set(from, [[to, score]])
  }
  for (const { first, second, count } of pairs) {
    const score = Math.round((count / (norm(first) * norm(second))) * 1e4) / 1e4
    add(first, second, score)
    add(second, first, score)
  }
  return Object.fromEntries(
    [...together].map(([number, list]) => [
      String(number),
      list.sort(([a, x], [b, y]) => y - x || a - b).slice(0, PARTNERS_MAX),
    ]),
  )
}
