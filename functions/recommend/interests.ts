/** @file What a shopper wants, from facts: recent items with weights, as a few interest vectors and as categories. Pure. */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { dot } from '../../shared/vector/dot.ts'
import { QUERIES_MAX } from '../../shared/vector/engine.ts'
import { DAY_MS, type Facts, type ProfileKind, RATING_LIKED_MIN } from '../profile/profile.ts'
import { clusterVectors } from './cluster.ts'

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
const SEEDS_MAX = 30
/** Weaker seeds change the interests little, and comparing all pairs of them would cost more than the search. */
const CLUSTERED_MAX = 16
/** As many as are searched in one pass. */
const INTERESTS_MAX = QUERIES_MAX

/** Distinct items, strongest first, equally strong ones by number. The item being looked at and the cart come before the past. */
export function seedsOf(
  items: ItemSource,
  { events }: Pick<Facts, 'events'>,
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
  events.forEach(({ item, kind, timeMs, rating }, rank) => {
    const doc = items.docOfNumber(item)
    if (doc === undefined || (kind === 'rating' && rating < RATING_LIKED_MIN)) return
    const fading = RANK_DECAY ** rank * 0.5 ** (Math.max(0, nowMs - timeMs) / DAY_MS / HALF_LIFE_DAYS)
    add({ doc, weight: KIND_WEIGHTS[kind] * fading, kind })
  })
  return [...seeds.values()]
    .sort((a, b) => b.weight - a.weight || items.number(a.doc) - items.number(b.doc))
    .slice(0, SEEDS_MAX)
}

/** A group of seeds that are alike. */
export type Interest = {
  /** f32[dim], of length 1: their weighted mean. */
  vector: Float32Array
  /** Of the strongest of them: one new wish counts as much as an old habit. */
  weight: number
}

/** One to four interests, the strongest first; none without a vector. The strongest seeds decide how many. */
export function interestsOf(items: ItemSource, seeds: readonly Seed[]): Interest[] {
  const known: { vector: Float32Array; weight: number }[] = []
  for (const { doc, weight } of seeds) {
    if (known.length === CLUSTERED_MAX) break
    const vector = items.vector(doc)
    if (vector && vector.length === (known[0]?.vector.length ?? vector.length)) known.push({ vector, weight })
  }
  return clusterVectors(known, INTERESTS_MAX)
    .flatMap((members) => {
      const sum = new Float32Array(known[0]!.vector.length)
      let weight = 0
      for (const at of members) {
        const one = known[at]!
        weight = Math.max(weight, one.weight)
        for (let i = 0; i < sum.length; i++) sum[i]! += one.weight * one.vector[i]!
      }
      const norm = Math.sqrt(dot(sum, sum))
      return norm > 0 ? [{ vector: sum.map((x) => x / norm), weight }] : []
    })
    .sort((a, b) => b.weight - a.weight)
}

/** Share of the seeds' weight in each category, any level: `category name → (0, 1]`. */
export function categoryShares(items: ItemSource, seeds: readonly Seed[]): Map<string, number> {
  const shares = new Map<string, number>()
  const total = seeds.reduce((sum, { weight }) => sum + weight, 0)
  for (const { doc, weight } of seeds)
    for (const level of items.category(doc)) shares.set(level, (shares.get(level) ?? 0) + weight / total)
  return shares
}
