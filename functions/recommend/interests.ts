/** @file What a shopper wants, from facts: recent items with weights, as one interest vector and as categories. Pure. */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { dot } from '../../shared/vector/dot.ts'
import type { Profile, ProfileKind } from '../profile/profile.ts'

/** An item that says something about the shopper. */
export type Seed = {
  doc: number
  /** > 0; the newest view has about 1. */
  weight: number
  kind: ProfileKind | 'context' | 'cart'
}

const KIND_WEIGHTS: Record<Seed['kind'], number> = {
  view: 1,
  click: 0.8,
  rating: 1.5,
  'add-to-cart': 2,
  purchase: 1.5,
  context: 3,
  cart: 2.5,
}
/** Interests fade by position in the list more than by the clock: a shopper who comes back after a month is the same. */
const RANK_DECAY = 0.92
const HALF_LIFE_DAYS = 30
const DAY_MS = 86_400_000
const SEEDS_MAX = 30
/** A rating below this says what is not wanted. */
const RATING_LIKED_MIN = 3

/** Distinct items, strongest first, equally strong ones by number. The item being looked at and the cart come before the past. */
export function seedsOf(
  items: ItemSource,
  profile: Profile | null,
  context: { docs: readonly number[]; cart: readonly number[] },
  nowMs: number,
): Seed[] {
  const seeds = new Map<number, Seed>()
  const add = (seed: Seed) => {
    const held = seeds.get(seed.doc)
    if (!held || held.weight < seed.weight) seeds.set(seed.doc, seed)
  }
  for (const doc of context.docs) add({ doc, weight: KIND_WEIGHTS.context, kind: 'context' })
  for (const doc of context.cart) add({ doc, weight: KIND_WEIGHTS.cart, kind: 'cart' })
  profile?.events.forEach(({ item, kind, timeMs, rating }, rank) => {
    const doc = items.docOfNumber(item)
    if (doc === undefined || (kind === 'rating' && rating < RATING_LIKED_MIN)) return
    const fading = RANK_DECAY ** rank * 0.5 ** (Math.max(0, nowMs - timeMs) / DAY_MS / HALF_LIFE_DAYS)
    add({ doc, weight: KIND_WEIGHTS[kind] * fading, kind })
  })
  return [...seeds.values()]
    .sort((a, b) => b.weight - a.weight || items.number(a.doc) - items.number(b.doc))
    .slice(0, SEEDS_MAX)
}

/** Weighted mean of the seeds' unit vectors, of length 1; null when none has a vector. f32[dim] */
export function interestVector(items: ItemSource, seeds: readonly Seed[]): Float32Array | null {
  let sum: Float32Array | null = null
  for (const { doc, weight } of seeds) {
    const vector = items.vector(doc)
    if (!vector) continue
    sum ??= new Float32Array(vector.length)
    if (sum.length === vector.length) for (let i = 0; i < sum.length; i++) sum[i]! += weight * vector[i]!
  }
  const norm = sum ? Math.sqrt(dot(sum, sum)) : 0
  return sum && norm > 0 ? sum.map((x) => x / norm) : null
}

/** Share of the seeds' weight in each category, any level: `category name → (0, 1]`. */
export function categoryShares(items: ItemSource, seeds: readonly Seed[]): Map<string, number> {
  const shares = new Map<string, number>()
  const total = seeds.reduce((sum, { weight }) => sum + weight, 0)
  for (const { doc, weight } of seeds)
    for (const level of items.category(doc)) shares.set(level, (shares.get(level) ?? 0) + weight / total)
  return shares
}
