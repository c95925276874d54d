/** @file Recommendations: profile → interests → candidates from vectors, bought-together and popular → ranker → diversity. */
import type { Index } from '../../shared/retrieval/load-index.ts'
import { searchVector, vectorOf } from '../../shared/retrieval/vector.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX, type RankFeature } from '../../shared/schema/rank-features.ts'
import type { RankedReply } from '../../shared/schema/replies.ts'
import type { Profile, ProfileStore } from '../profile/profile.ts'
import { rankedFrame, type Scored, toHit } from '../ranking/ranked.ts'
import { LINEAR_WEIGHTS, type Rank, type RankerFault, type Scores } from '../ranking/ranker.ts'
import type { LoadedSignals } from '../ranking/signals.ts'
import type { OverBudget, StageTimer } from '../ranking/stages.ts'
import type { WaitUntil } from '../ranking/wait-until.ts'
import { diversify } from './diversity.ts'
import { categoryShares, interestVector, type Seed, seedsOf } from './interests.ts'

const VECTOR_CANDIDATES = 200
const POPULAR_CANDIDATES = 200
const SEEDS_WITH_PARTNERS = 10
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
  waitUntil: WaitUntil,
) => Promise<RankedReply>

type Deps = {
  profiles: ProfileStore
  rank: Rank
  clock: () => number
  /** What the profile may cost a shopper's wait, milliseconds. */
  profileBudgetMs: number
  /** Ends the wait for a profile. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
}

export const createRecommend =
  ({ profiles, rank, clock, profileBudgetMs, timeout = (ms) => AbortSignal.timeout(ms) }: Deps): Recommend =>
  async (index, signals, request, stages, waitUntil) => {
    const read = await profiles.read(request.user, timeout(profileBudgetMs))
    const profile = read.ok ? read.value : null
    const degraded = read.ok ? [] : [`profile-${read.error.kind}`]
    const scoreAll: ScoreAll = (features, rows) =>
      rank(index.manifest.ranker, features, rows, stages, waitUntil)
    const ranked = await rankFor(index, signals, profile, request, clock(), stages, scoreAll)
    return {
      ...rankedFrame(request.requestId, index, [...degraded, ...ranked.degraded]),
      hits: ranked.list.map((scored) => toHit(index, scored)),
    }
  }

type RankedList = { list: Scored[]; degraded: (OverBudget | RankerFault)[] }
/** Features of candidates → scores, see `Ranker`. */
type ScoreAll = (features: Float32Array, rows: number) => Scores | Promise<Scores>

/** The same index, signals, profile, time and ranker give the same list, while there is time for it. */
export async function rankFor(
  index: Index,
  signals: LoadedSignals,
  profile: Profile | null,
  { limit, itemId, cart }: Pick<RecommendRequest, 'limit' | 'itemId' | 'cart'>,
  nowMs: number,
  stages: StageTimer,
  scoreAll: ScoreAll,
): Promise<RankedList> {
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
  const candidates = withCategories(index, seeds, found)
  const scoring = scoreAll(featuresOf(candidates), candidates.length)
  // Waits only where a model runs.
  const scored = scoring instanceof Promise ? await scoring : scoring
  sortByScore(index, candidates, scored.scores)
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
  return { list: withReasons, degraded: [...scored.degraded, ...degraded] }
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
/** What the ranker sees of a candidate, and whom its reason may name. */
type Parts = Record<RankFeature, number> & { partnerOf: Seed | null }
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
    const parts = { vector: 0, together: 0, category: 0, popular: 0, seen: 0, partnerOf: null }
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

/** Candidates with all of their parts, and no score yet. */
function withCategories(
  index: Index,
  seeds: readonly Seed[],
  found: ReadonlyMap<number, Parts>,
): Candidate[] {
  const shares = categoryShares(index, seeds)
  const seen = new Set(seeds.map(({ doc }) => doc))
  return [...found].map(([doc, parts]): Candidate => {
    const category = index.category(doc)
    parts.category = categoryMatch(category, shares)
    parts.seen = seen.has(doc) ? 1 : 0
    return { doc, category, parts, score: 0 }
  })
}

/** Reused by every request of this isolate: a ranker looks at it before it lets another request run. */
let features = new Float32Array(0)

/** f32[candidates, RANK_FEATURES_MAX] */
function featuresOf(candidates: readonly Candidate[]): Float32Array {
  const length = candidates.length * RANK_FEATURES_MAX
  if (features.length < length) features = new Float32Array(length)
  candidates.forEach(({ parts }, row) => {
    for (let column = 0; column < RANK_FEATURES.length; column++)
      features[row * RANK_FEATURES_MAX + column] = parts[RANK_FEATURES[column]!]
  })
  return features
}

/** Best first; equal scores by item number. */
function sortByScore(index: Index, candidates: Candidate[], scores: Float32Array): void {
  candidates.forEach((candidate, row) => {
    candidate.score = scores[row]!
  })
  candidates.sort((a, b) => b.score - a.score || index.number(a.doc) - index.number(b.doc))
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

/** The part that speaks most for an item comes first, by the weights set by hand: a learnt ranker does not say why. */
function reasonsOf(index: Index, candidate: Candidate, seeds: readonly KnownSeed[]): string[] {
  const { parts } = candidate
  const reasons: { text: string; share: number }[] = []
  if (parts.partnerOf)
    reasons.push({
      text: `often bought with ${titleOf(index, parts.partnerOf.doc)}`,
      share: LINEAR_WEIGHTS.together * parts.together,
    })
  const taste = LINEAR_WEIGHTS.vector * parts.vector + LINEAR_WEIGHTS.category * parts.category
  const nearest = taste > 0 ? nearestSeed(index, candidate, seeds) : null
  if (nearest) reasons.push({ text: SENTENCES[nearest.kind](titleOf(index, nearest.doc)), share: taste })
  if (parts.popular > 0) reasons.push({ text: 'popular now', share: LINEAR_WEIGHTS.popular * parts.popular })
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
