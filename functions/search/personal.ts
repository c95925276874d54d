/** @file The first hits of a search in the order of a shopper's tastes. Pure. */
import type { FoundItem } from '../../shared/retrieval/source.ts'
import { type Affinities, priceBand } from '../profile/affinities.ts'

/** So many of the best are put in order anew. */
export const PERSONAL_DEPTH = 100
/** A hit's score grows by this share at most: what fits the query clearly better stays before it. */
export const TASTE_GAIN_MAX = 0.3
const SHARES = { brand: 0.4, category: 0.4, price: 0.2 }

/** score · (1 + gain · taste), taste in [0, 1]: how much of the shopper's is in the brand, category and price, against what they turn to most. */
export function byTaste(items: readonly FoundItem[], affinities: Affinities): FoundItem[] {
  const { brands, categories, priceBands } = affinities
  const share = <K>(of: ReadonlyMap<K, number>, key: K | undefined) => {
    const [most = 1] = of.values()
    return key === undefined ? 0 : (of.get(key) ?? 0) / most
  }
  const tasteOf = ({ display: { brand, category, price } }: FoundItem) =>
    SHARES.brand * share(brands, brand) +
    SHARES.category * share(categories, category.at(-1)) +
    SHARES.price * share(priceBands, price === null ? undefined : priceBand(price))
  return items
    .map((item) => ({ ...item, score: item.score * (1 + TASTE_GAIN_MAX * tasteOf(item)) }))
    .sort((a, b) => b.score - a.score)
}
