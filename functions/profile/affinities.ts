/**
 * @file Tastes: which brands, categories and prices a shopper has turned to, the more so the more lately. Derived from the weeks of a
 * profile and the catalogue as it is now: an item that left the shop says nothing any more. Pure.
 */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { type ItemWeek, type ProfileKind, WEEK_MS } from './profile.ts'

/** After so many weeks something counts half. */
export const HALF_LIFE_WEEKS = 8
const KIND_WEIGHTS: Record<ProfileKind, number> = {
  view: 1,
  click: 1,
  rating: 2,
  'add-to-cart': 3,
  purchase: 5,
}

/** Shares of (0, 1] that sum to 1 over each map, or an empty map. */
export type Affinities = {
  brands: ReadonlyMap<string, number>
  /** By the last level of the path. */
  categories: ReadonlyMap<string, number>
  /** By `priceBand`. */
  priceBands: ReadonlyMap<number, number>
}
export const NO_AFFINITIES: Affinities = { brands: new Map(), categories: new Map(), priceBands: new Map() }

/** affinity(x) ∝ Σ over weeks and items with x: weight(kind) · ½^(age / half-life). Items have to be loaded by number. */
export function affinitiesOf(items: ItemSource, weeks: readonly ItemWeek[], nowMs: number): Affinities {
  if (weeks.length === 0) return NO_AFFINITIES
  const [brands, categories] = [new Map<string, number>(), new Map<string, number>()]
  const priceBands = new Map<number, number>()
  const thisWeek = nowMs / WEEK_MS
  for (const { item, week, kind } of weeks) {
    const doc = items.docOfNumber(item)
    if (doc === undefined) continue
    const weight = KIND_WEIGHTS[kind] * 0.5 ** (Math.max(0, thisWeek - week - 1) / HALF_LIFE_WEEKS)
    const brand = items.brand(doc)
    const category = items.category(doc).at(-1)
    const price = items.price(doc)
    if (brand !== '') addTo(brands, brand, weight)
    if (category !== undefined) addTo(categories, category, weight)
    if (price >= 0) addTo(priceBands, priceBand(price), weight)
  }
  return { brands: shares(brands), categories: shares(categories), priceBands: shares(priceBands) }
}

/** Three bands to a factor of ten: band b holds prices from 10^(b/3) to 10^((b+1)/3); those below 1 are in band 0. */
export const priceBand = (price: number): number => Math.floor(3 * Math.log10(Math.max(1, price)) + 1e-9)
/** Where a band begins; it ends where the next one does. Rounded, as it is shown. */
export const bandStart = (band: number): number => (band <= 0 ? 0 : Math.round(10 ** (band / 3)))

function addTo<K>(sums: Map<K, number>, key: K, weight: number): void {
  sums.set(key, (sums.get(key) ?? 0) + weight)
}

/** Most first; equal ones in the order in which they came, newest first. */
function shares<K>(sums: ReadonlyMap<K, number>): ReadonlyMap<K, number> {
  let total = 0
  for (const weight of sums.values()) total += weight
  return new Map([...sums].map(([key, weight]) => [key, weight / total] as const).sort((a, b) => b[1] - a[1]))
}
