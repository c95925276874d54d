/** @file Candidates of all sources with what speaks for each: the columns that a ranker sees. */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX, type RankFeature } from '../../shared/schema/rank-features.ts'
import { priceBand } from '../profile/affinities.ts'
import { categoryShares, type Seed } from './interests.ts'
import type { SourceContext } from './sources/source.ts'
import { SOURCES, type SourceName } from './sources/sources.ts'

export type Candidate = {
  doc: number
  /** Stable item number: the order of equal scores. */
  number: number
  score: number
  /** Product of the shop's boosts, by which the score was multiplied. */
  factor: number
  category: readonly string[]
  /** Each in [0, 1]. */
  parts: Record<RankFeature, number>
  /** With what it is bought. */
  because: Seed | null
}

/** A document once, whichever sources found it. */
export async function gatherCandidates(
  context: SourceContext,
  names: readonly SourceName[],
): Promise<Candidate[]> {
  const { items } = context
  const lists = await Promise.all(names.map((name) => SOURCES[name].find(context)))
  await items.load({ docs: lists.flatMap((list) => list.map(({ doc }) => doc)) })
  const candidates = new Map<number, Candidate>()
  names.forEach((name, at) => {
    const { feature } = SOURCES[name]
    for (const { doc, score, because } of lists[at]!) {
      const candidate = candidates.get(doc) ?? newCandidate(items, doc)
      if (!candidate) continue
      candidates.set(doc, candidate)
      if (feature) candidate.parts[feature] = Math.max(candidate.parts[feature], score)
      if (because) candidate.because = because
    }
  })
  const found = [...candidates.values()]
  addTastes(context, found)
  return found
}

/** Null where its shard has fallen silent meanwhile. */
export function newCandidate(items: ItemSource, doc: number): Candidate | null {
  const number = items.number(doc)
  if (items.docOfNumber(number) === undefined) return null
  const category = items.category(doc)
  return { doc, number, score: 0, factor: 1, category, parts: noParts(), because: null }
}

/** One literal: a new one is made for every candidate. */
const noParts = (): Candidate['parts'] => ({
  vector: 0,
  together: 0,
  category: 0,
  popular: 0,
  seen: 0,
  brand: 0,
  price: 0,
  fresh: 0,
  again: 0,
  sale: 0,
})

/** The columns that say the same of an item whichever source found it. */
function addTastes({ items, seeds, affinities }: SourceContext, candidates: readonly Candidate[]): void {
  const shares = categoryShares(items, seeds)
  const seen = new Set(seeds.map(({ doc }) => doc))
  const { brands, priceBands } = affinities
  const [mostOfBrand = 1] = brands.values()
  const [mostOfBand = 1] = priceBands.values()
  /** By path: candidates of one category share theirs. */
  const matches = new Map<readonly string[], number>()
  for (const { doc, category, parts } of candidates) {
    const match = matches.get(category) ?? categoryMatch(category, shares)
    matches.set(category, match)
    parts.category = match
    // What it is time to buy again was seen, of course.
    parts.seen = seen.has(doc) && parts.again === 0 ? 1 : 0
    if (brands.size > 0) parts.brand = (brands.get(items.brand(doc)) ?? 0) / mostOfBrand
    const price = priceBands.size > 0 ? items.price(doc) : Number.NaN
    if (price >= 0) parts.price = (priceBands.get(priceBand(price)) ?? 0) / mostOfBand
  }
}

/** How much of the shopper's interest is in this category; a deeper level says more than the department. */
function categoryMatch(category: readonly string[], shares: ReadonlyMap<string, number>): number {
  let best = 0
  for (const [depth, level] of category.entries())
    best = Math.max(best, ((shares.get(level) ?? 0) * (depth + 1)) / category.length)
  return Math.min(1, best)
}

/** Reused by every request of this isolate: a ranker looks at it before it lets another request run. */
let features = new Float32Array(0)

/** f32[candidates, RANK_FEATURES_MAX] */
export function featuresOf(candidates: readonly Candidate[]): Float32Array {
  const length = candidates.length * RANK_FEATURES_MAX
  if (features.length < length) features = new Float32Array(length)
  candidates.forEach(({ parts }, row) => {
    for (let column = 0; column < RANK_FEATURES.length; column++)
      features[row * RANK_FEATURES_MAX + column] = parts[RANK_FEATURES[column]!]
  })
  return features
}

/** Best first; equal scores by item number. */
export function sortByScore(candidates: Candidate[]): void {
  candidates.sort((a, b) => b.score - a.score || a.number - b.number)
}
