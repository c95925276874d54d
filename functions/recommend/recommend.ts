/** @file Recommendations: profile → interests → candidates from vectors, bought-together and popular → rules → diversity. */
import type { Index } from '../../shared/retrieval/load-index.ts'
import { searchVector, vectorOf } from '../../shared/retrieval/vector.ts'
import type { RankedReply } from '../../shared/schema/replies.ts'
import type { Profile, ProfileStore } from '../profile/profile.ts'
import { rankedFrame, type Scored, toHit } from '../ranking/ranked.ts'
import type { LoadedSignals } from '../ranking/signals.ts'
import type { OverBudget, StageTimer } from '../ranking/stages.ts'
import { diversify } from './diversity.ts'
import { categoryShares, interestVector, type Seed, seedsOf } from './interests.ts'

const VECTOR_CANDIDATES = 200
const POPULAR_CANDIDATES = 200
const SEEDS_WITH_PARTNERS = 10
/** Shares of the score; each part is scaled to [0, 1]. Set by hand until there is a trained ranker. */
const WEIGHTS = { vector: 0.4, together: 0.35, category: 0.2, popular: 0.05 }
/** An item that was looked at already may come again, later in the list. */
const SEEN_FACTOR = 0.35
const WARM_DAMPING = 0.9
const COLD_DAMPING = 0.5
const TITLE_CHARS_IN_REASON = 60
/** Beside the cosine, when a reason is chosen: a strong seed, and one of the same category. */
const WEIGHT_SAYS = 0.05
const CATEGORY_SAYS = 0.2

export type RecommendRequest = {
  requestId: string
  /** Pseudonym. */
  user: string
  limit: number
  itemId: string | undefined
  cart: readonly string[]
}
export type Recommend = (
  index: Index,
  signals: LoadedSignals,
  request: RecommendRequest,
  stages: StageTimer,
) => Promise<RankedReply>

type Deps = {
  profiles: ProfileStore
  clock: () => number
  /** What the profile may cost a shopper's wait, milliseconds. */
  profileBudgetMs: number
  /** Ends the wait for a profile. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
}

export const createRecommend =
  ({ profiles, clock, profileBudgetMs, timeout = (ms) => AbortSignal.timeout(ms) }: Deps): Recommend =>
  async (index, signals, request, stages) => {
    const read = await profiles.read(request.user, timeout(profileBudgetMs))
    const profile = read.ok ? read.value : null
    const degraded = read.ok ? [] : [`profile-${read.error.kind}`]
    const ranked = rankFor(index, signals, profile, request, clock(), stages)
    return {
      ...rankedFrame(request.requestId, index, [...degraded, ...ranked.degraded]),
      hits: ranked.list.map((scored) => toHit(index, scored)),
    }
  }

type RankedList = { list: Scored[]; degraded: OverBudget[] }

/** The same index, signals, profile and time give the same list, while there is time for it. */
export function rankFor(
  index: Index,
  signals: LoadedSignals,
  profile: Profile | null,
  { limit, itemId, cart }: Pick<RecommendRequest, 'limit' | 'itemId' | 'cart'>,
  nowMs: number,
  stages: StageTimer,
): RankedList {
  stages.begin('retrieve')
  const docsOf = (ids: readonly string[]) => ids.flatMap((id) => index.docOfId(id) ?? [])
  const context = { docs: docsOf(itemId === undefined ? [] : [itemId]), cart: docsOf(cart) }
  const seeds = seedsOf(index, profile, context, nowMs)
  const excluded = new Set([
    ...context.docs,
    ...context.cart,
    ...(profile?.purchases ?? []).map(({ item }) => index.docOfNumber(item)),
  ])
  const accept = (doc: number) => index.stock(doc) !== 0 && !excluded.has(doc)
  if (seeds.length === 0) {
    const popular = rankPopular(index, signals, accept)
    const rootOf = ({ doc }: Scored) => index.category(doc)[0] ?? index.brand(doc)
    return varied(popular, rootOf, COLD_DAMPING, limit, stages)
  }
  const found = findBySeeds(index, signals, seeds, accept)
  stages.begin('rank')
  const candidates = scoreBySeeds(index, seeds, found)
  const leafOf = ({ doc, category }: Candidate) => category.at(-1) ?? index.brand(doc)
  const { list, degraded } = varied(candidates, leafOf, WARM_DAMPING, limit, stages)
  const known = seeds.map((seed) => ({
    seed,
    vector: vectorOf(index, seed.doc),
    leaf: index.category(seed.doc).at(-1),
  }))
  // Reasons cost more than scores: only what is shown gets them.
  const withReasons = list.map((candidate) => ({
    doc: candidate.doc,
    score: candidate.score,
    reasons: reasonsOf(index, candidate, known),
  }))
  return { list: withReasons, degraded }
}

/** When this takes too long, the rest of the list is not varied, and that is told. */
function varied<T extends { score: number }>(
  ranked: readonly T[],
  groupOf: (item: T) => string,
  damping: number,
  limit: number,
  stages: StageTimer,
): { list: T[]; degraded: OverBudget[] } {
  stages.begin('diversify')
  let late = false
  const isLate = () => {
    late ||= stages.isOver()
    return late
  }
  const list = diversify(ranked, groupOf, damping, limit, isLate)
  stages.begin('rank') // of what is shown, reasons and fields follow
  return { list, degraded: late ? ['diversify-over-budget'] : [] }
}

type Accept = (doc: number) => boolean
type KnownSeed = { seed: Seed; vector: Float32Array | null; leaf: string | undefined }
/** Parts of the score, each in [0, 1]. */
type Parts = { vector: number; together: number; category: number; popular: number; partnerOf: Seed | null }
type Candidate = { doc: number; score: number; category: readonly string[]; parts: Parts }

/** Candidates of all sources. */
function findBySeeds(
  index: Index,
  signals: LoadedSignals,
  seeds: readonly Seed[],
  accept: Accept,
): Map<number, Parts> {
  const found = new Map<number, Parts>()
  const partsOf = (doc: number): Parts => {
    const held = found.get(doc)
    if (held) return held
    const parts = { vector: 0, together: 0, category: 0, popular: 0, partnerOf: null }
    found.set(doc, parts)
    return parts
  }
  const interest = interestVector(index, seeds)
  if (interest) {
    const near = searchVector(index, interest, VECTOR_CANDIDATES, accept)
    const [high, low] = [near[0]?.score ?? 1, near.at(-1)?.score ?? 0]
    for (const { doc, score } of near) partsOf(doc).vector = high > low ? (score - low) / (high - low) : 1
  }
  addPartners(index, signals, seeds, accept, partsOf)
  for (const { doc, score } of popularDocs(index, signals, accept)) partsOf(doc).popular = score
  return found
}

/** Candidates with their scores, best first; equal scores by item number. */
function scoreBySeeds(index: Index, seeds: readonly Seed[], found: ReadonlyMap<number, Parts>): Candidate[] {
  const shares = categoryShares(index, seeds)
  const seen = new Set(seeds.map(({ doc }) => doc))
  const candidates = [...found].map(([doc, parts]): Candidate => {
    const category = index.category(doc)
    parts.category = categoryMatch(category, shares)
    const score =
      WEIGHTS.vector * parts.vector +
      WEIGHTS.together * parts.together +
      WEIGHTS.category * parts.category +
      WEIGHTS.popular * parts.popular
    return { doc, category, parts, score: seen.has(doc) ? score * SEEN_FACTOR : score }
  })
  return candidates.sort((a, b) => b.score - a.score || index.number(a.doc) - index.number(b.doc))
}

/** How much of the shopper's interest is in this category; a deeper level says more than the department. */
function categoryMatch(category: readonly string[], shares: ReadonlyMap<string, number>): number {
  let best = 0
  category.forEach((level, depth) => {
    best = Math.max(best, ((shares.get(level) ?? 0) * (depth + 1)) / category.length)
  })
  return Math.min(1, best)
}

function addPartners(
  index: Index,
  signals: LoadedSignals,
  seeds: readonly Seed[],
  accept: Accept,
  partsOf: (doc: number) => Parts,
): void {
  const strongest = seeds[0]?.weight ?? 1
  for (const seed of seeds.slice(0, SEEDS_WITH_PARTNERS)) {
    const partners = signals.together.get(index.number(seed.doc)) ?? []
    const best = partners[0]?.[1] ?? 1
    for (const [number, score] of partners) {
      const doc = index.docOfNumber(number)
      if (doc === undefined || !accept(doc)) continue
      const together = (score / best) * (seed.weight / strongest)
      const parts = partsOf(doc)
      if (together <= parts.together) continue
      parts.together = together
      parts.partnerOf = seed
    }
  }
}

/** Documents with a popularity in (0, 1], the logarithm of their counts. */
function popularDocs(index: Index, signals: LoadedSignals, accept: Accept): { doc: number; score: number }[] {
  const docs: { doc: number; score: number }[] = []
  const scale = Math.log1p(signals.popular[0]?.[1] ?? 1)
  for (const [number, count] of signals.popular) {
    const doc = index.docOfNumber(number)
    if (doc === undefined || !accept(doc)) continue
    docs.push({ doc, score: scale > 0 ? Math.log1p(count) / scale : 1 })
    if (docs.length === POPULAR_CANDIDATES) break
  }
  return docs
}

function rankPopular(index: Index, signals: LoadedSignals, accept: Accept): Scored[] {
  const popular = popularDocs(index, signals, accept)
  const known = new Set(popular.map(({ doc }) => doc))
  const step = Math.max(1, Math.floor(index.docCount / POPULAR_CANDIDATES))
  const range: Scored[] = []
  // Before the first events, and to fill up a short list: items from all over the shop.
  for (let doc = 0; doc < index.docCount && popular.length + range.length < POPULAR_CANDIDATES; doc += step)
    if (index.live[doc] === 1 && !known.has(doc) && accept(doc))
      range.push({ doc, score: 0.001, reasons: ['from the range of the shop'] })
  return [...popular.map(({ doc, score }) => ({ doc, score, reasons: ['popular now'] })), ...range]
}

const SENTENCES: Record<Seed['kind'], (title: string) => string> = {
  view: (title) => `because you viewed ${title}`,
  click: (title) => `because you viewed ${title}`,
  rating: (title) => `because you liked ${title}`,
  'add-to-cart': (title) => `because you put ${title} in your cart`,
  purchase: (title) => `because you bought ${title}`,
  context: (title) => `because you are looking at ${title}`,
  cart: (title) => `because you have ${title} in your cart`,
}

function reasonsOf(index: Index, candidate: Candidate, seeds: readonly KnownSeed[]): string[] {
  const { parts } = candidate
  const reasons: { text: string; share: number }[] = []
  if (parts.partnerOf)
    reasons.push({
      text: `often bought with ${titleOf(index, parts.partnerOf.doc)}`,
      share: WEIGHTS.together * parts.together,
    })
  const taste = WEIGHTS.vector * parts.vector + WEIGHTS.category * parts.category
  const nearest = taste > 0 ? nearestSeed(index, candidate, seeds) : null
  if (nearest) reasons.push({ text: SENTENCES[nearest.kind](titleOf(index, nearest.doc)), share: taste })
  if (parts.popular > 0) reasons.push({ text: 'popular now', share: WEIGHTS.popular * parts.popular })
  if (reasons.length === 0) reasons.push({ text: 'from the range of the shop', share: 0 })
  return reasons.sort((a, b) => b.share - a.share).map(({ text }) => text)
}

const titleOf = (index: Index, doc: number): string => {
  const title = index.title(doc)
  return `'${title.length > TITLE_CHARS_IN_REASON ? `${title.slice(0, TITLE_CHARS_IN_REASON - 1).toWellFormed()}…` : title}'`
}

/** The seed that speaks most for an item: nearest in meaning, or else of the same category. Never the item itself. */
function nearestSeed(index: Index, { doc, category }: Candidate, seeds: readonly KnownSeed[]): Seed | null {
  const own = vectorOf(index, doc)
  const ownLeaf = category.at(-1)
  let best: Seed | null = null
  let bestScore = Number.NEGATIVE_INFINITY
  for (const { seed, vector, leaf } of seeds) {
    if (seed.doc === doc) continue
    let score = seed.weight * WEIGHT_SAYS + (leaf !== undefined && leaf === ownLeaf ? CATEGORY_SAYS : 0)
    if (own && vector?.length === own.length)
      for (let i = 0; i < own.length; i++) score += own[i]! * vector[i]!
    if (score > bestScore) {
      best = seed
      bestScore = score
    }
  }
  return best
}
