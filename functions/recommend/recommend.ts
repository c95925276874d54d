/** @file Recommendations: profile → interests → candidates from vectors, bought-together and popular → ranker → diversity. */
import { type Accept, acceptAmong, type ItemSource } from '../../shared/retrieval/item-source.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX, type RankFeature } from '../../shared/schema/rank-features.ts'
import type { RankedReply } from '../../shared/schema/replies.ts'
import { dot } from '../../shared/vector/dot.ts'
import type { Profile, ProfileStore } from '../profile/profile.ts'
import { rankedFrame, type Scored, toHits } from '../ranking/ranked.ts'
import { LINEAR_WEIGHTS, type Rank, type RankerFault, type Scores } from '../ranking/ranker.ts'
import type { LoadedSignals } from '../ranking/signals.ts'
import type { ItemsOf } from '../ranking/source-of.ts'
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
/** Null when no part of the index answers. */
export type Recommend = (
  index: Index,
  signals: LoadedSignals,
  request: RecommendRequest,
  stages: StageTimer,
  waitUntil: WaitUntil,
) => Promise<RankedReply | null>

type Deps = {
  itemsOf: ItemsOf
  profiles: ProfileStore
  rank: Rank
  clock: () => number
  /** What the profile may cost a shopper's wait, milliseconds. */
  profileBudgetMs: number
  /** Ends the wait for a profile. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
}

export const createRecommend =
  ({
    itemsOf,
    profiles,
    rank,
    clock,
    profileBudgetMs,
    timeout = (ms) => AbortSignal.timeout(ms),
  }: Deps): Recommend =>
  async (index, signals, request, stages, waitUntil) => {
    const read = await profiles.read(request.user, timeout(profileBudgetMs))
    const profile = read.ok ? read.value : null
    const degraded: string[] = read.ok ? [] : [`profile-${read.error.kind}`]
    const scoreAll: ScoreAll = (features, rows) =>
      rank(index.manifest.ranker, features, rows, stages, waitUntil)
    const items = itemsOf(index)
    const ranked = await rankFor(items, signals, profile, request, clock(), stages, scoreAll)
    const hits = await toHits(items, ranked.list)
    if (items.isDown()) return null
    degraded.push(...ranked.degraded, ...items.degraded())
    return { ...rankedFrame(request.requestId, index, degraded), hits }
  }

type RankedList = { list: Scored[]; degraded: (OverBudget | RankerFault)[] }
/** Features of candidates → scores, see `Ranker`. */
type ScoreAll = (features: Float32Array, rows: number) => Scores | Promise<Scores>

/** The same index, signals, profile, time and ranker give the same list, while there is time for it. */
export async function rankFor(
  items: ItemSource,
  signals: LoadedSignals,
  profile: Profile | null,
  { limit, itemId, cart }: Pick<RecommendRequest, 'limit' | 'itemId' | 'cart'>,
  nowMs: number,
  stages: StageTimer,
  scoreAll: ScoreAll,
): Promise<RankedList> {
  stages.begin('retrieve')
  const purchases = (profile?.purchases ?? []).map(({ item }) => item)
  await items.load({
    ids: [...(itemId === undefined ? [] : [itemId]), ...cart],
    numbers: [
      ...(profile?.events ?? []).map(({ item }) => item),
      ...purchases,
      ...signals.popular.map(([number]) => number),
    ],
  })
  const docsOf = (ids: readonly string[]) => ids.flatMap((id) => items.docOfId(id) ?? [])
  const context = { docs: docsOf(itemId === undefined ? [] : [itemId]), cart: docsOf(cart) }
  const seeds = seedsOf(items, profile, context, nowMs)
  const excluded = new Set([
    ...context.docs,
    ...context.cart,
    ...purchases.flatMap((number) => items.docOfNumber(number) ?? []),
  ])
  const accept = acceptAmong(items, { inStock: true, excluded })
  const found = await findBySeeds(items, signals, seeds, excluded)
  // A new shopper; or seeds that lead nowhere, without vectors and partners, before anything is popular.
  if (found.size === 0) {
    const popular = await rankPopular(items, signals, accept)
    const rootOf = ({ doc }: Scored) => items.category(doc)[0] ?? items.brand(doc)
    return varied(popular, rootOf, COLD_DAMPING, limit, stages)
  }
  stages.begin('rank')
  const candidates = withCategories(items, seeds, found)
  const scoring = scoreAll(featuresOf(candidates), candidates.length)
  // Waits only where a model runs.
  const scored = scoring instanceof Promise ? await scoring : scoring
  sortByScore(items, candidates, scored.scores)
  const leafOf = ({ doc, category }: Candidate) => category.at(-1) ?? items.brand(doc)
  const { list, degraded } = varied(candidates, leafOf, WARM_DAMPING, limit, stages)
  const shown = list.map(({ doc }) => doc)
  await items.load({ reasonVectors: shown, displays: shown })
  const known = seeds.map((seed) => ({
    seed,
    vector: items.vector(seed.doc),
    leaf: items.category(seed.doc).at(-1),
  }))
  const titleOf = quotedTitles(items)
  // Reasons cost more than scores: only what is shown gets them.
  const withReasons = list.map((candidate) => ({
    doc: candidate.doc,
    score: candidate.score,
    reasons: reasonsOf(items, candidate, known, titleOf),
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

type KnownSeed = { seed: Seed; vector: Float32Array | null; leaf: string | undefined }
/** What the ranker sees of a candidate, and whom its reason may name. */
type Parts = Record<RankFeature, number> & { partnerOf: Seed | null }
type Candidate = { doc: number; score: number; category: readonly string[]; parts: Parts }

/** Candidates of all sources; none without seeds. */
async function findBySeeds(
  items: ItemSource,
  signals: LoadedSignals,
  seeds: readonly Seed[],
  excluded: ReadonlySet<number>,
): Promise<Map<number, Parts>> {
  const found = new Map<number, Parts>()
  if (seeds.length === 0) return found
  await items.load({ vectors: seeds.map(({ doc }) => doc), numbers: partnersOf(items, signals, seeds) })
  const among = { inStock: true, excluded }
  const accept = acceptAmong(items, among)
  const partsOf = (doc: number): Parts => {
    const held = found.get(doc)
    if (held) return held
    const parts = { vector: 0, together: 0, category: 0, popular: 0, seen: 0, partnerOf: null }
    found.set(doc, parts)
    return parts
  }
  const interest = interestVector(items, seeds)
  if (interest) {
    const near = (await items.near([interest], VECTOR_CANDIDATES, among))[0]!
    await items.load({ docs: near.map(({ doc }) => doc) })
    const [high, low] = [near[0]?.score ?? 1, near.at(-1)?.score ?? 0]
    for (const { doc, score } of near) partsOf(doc).vector = high > low ? (score - low) / (high - low) : 1
  }
  addPartners(items, signals, seeds, accept, partsOf)
  for (const { doc, score } of popularDocs(items, signals, accept)) partsOf(doc).popular = score
  return found
}

/** Candidates with all of their parts, and no score yet. */
function withCategories(
  items: ItemSource,
  seeds: readonly Seed[],
  found: ReadonlyMap<number, Parts>,
): Candidate[] {
  const shares = categoryShares(items, seeds)
  const seen = new Set(seeds.map(({ doc }) => doc))
  /** By path: candidates of one category share theirs. */
  const matches = new Map<readonly string[], number>()
  const candidates: Candidate[] = []
  for (const [doc, parts] of found) {
    // Its shard may have fallen silent.
    if (items.docOfNumber(items.number(doc)) === undefined) continue
    const category = items.category(doc)
    const match = matches.get(category) ?? categoryMatch(category, shares)
    matches.set(category, match)
    parts.category = match
    parts.seen = seen.has(doc) ? 1 : 0
    candidates.push({ doc, category, parts, score: 0 })
  }
  return candidates
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
function sortByScore(items: ItemSource, candidates: Candidate[], scores: Float32Array): void {
  candidates.forEach((candidate, row) => {
    candidate.score = scores[row]!
  })
  candidates.sort((a, b) => b.score - a.score || items.number(a.doc) - items.number(b.doc))
}

/** How much of the shopper's interest is in this category; a deeper level says more than the department. */
function categoryMatch(category: readonly string[], shares: ReadonlyMap<string, number>): number {
  let best = 0
  for (const [depth, level] of category.entries())
    best = Math.max(best, ((shares.get(level) ?? 0) * (depth + 1)) / category.length)
  return Math.min(1, best)
}

const partnersOf = (items: ItemSource, signals: LoadedSignals, seeds: readonly Seed[]): number[] =>
  seeds
    .slice(0, SEEDS_WITH_PARTNERS)
    .flatMap(({ doc }) => (signals.together.get(items.number(doc)) ?? []).map(([number]) => number))

function addPartners(
  items: ItemSource,
  signals: LoadedSignals,
  seeds: readonly Seed[],
  accept: Accept,
  partsOf: (doc: number) => Parts,
): void {
  const strongest = seeds[0]?.weight ?? 1
  for (const seed of seeds.slice(0, SEEDS_WITH_PARTNERS)) {
    const partners = signals.together.get(items.number(seed.doc)) ?? []
    const best = partners[0]?.[1] ?? 1
    for (const [number, score] of partners) {
      const doc = items.docOfNumber(number)
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
function popularDocs(
  items: ItemSource,
  signals: LoadedSignals,
  accept: Accept,
): { doc: number; score: number }[] {
  const docs: { doc: number; score: number }[] = []
  const scale = Math.log1p(signals.popular[0]?.[1] ?? 1)
  for (const [number, count] of signals.popular) {
    const doc = items.docOfNumber(number)
    if (doc === undefined || !accept(doc)) continue
    docs.push({ doc, score: scale > 0 ? Math.log1p(count) / scale : 1 })
    if (docs.length === POPULAR_CANDIDATES) break
  }
  return docs
}

async function rankPopular(items: ItemSource, signals: LoadedSignals, accept: Accept): Promise<Scored[]> {
  const popular = popularDocs(items, signals, accept)
  const known = new Set(popular.map(({ doc }) => doc))
  const places = POPULAR_CANDIDATES - popular.length
  // Before the first events, and to fill up a short list: items from all over the shop.
  const range = places > 0 ? await items.range(POPULAR_CANDIDATES) : []
  const others = range.filter((doc) => !known.has(doc) && accept(doc)).slice(0, places)
  return [
    ...popular.map(({ doc, score }) => ({ doc, score, reasons: ['popular now'] })),
    ...others.map((doc) => ({ doc, score: 0.001, reasons: ['from the range of the shop'] })),
  ]
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
function reasonsOf(
  items: ItemSource,
  candidate: Candidate,
  seeds: readonly KnownSeed[],
  titleOf: (doc: number) => string,
): string[] {
  const { parts } = candidate
  const reasons: { text: string; share: number }[] = []
  if (parts.partnerOf)
    reasons.push({
      text: `often bought with ${titleOf(parts.partnerOf.doc)}`,
      share: LINEAR_WEIGHTS.together * parts.together,
    })
  const taste = LINEAR_WEIGHTS.vector * parts.vector + LINEAR_WEIGHTS.category * parts.category
  const nearest = taste > 0 ? nearestSeed(items, candidate, seeds) : null
  if (nearest) reasons.push({ text: SENTENCES[nearest.kind](titleOf(nearest.doc)), share: taste })
  if (parts.popular > 0) reasons.push({ text: 'popular now', share: LINEAR_WEIGHTS.popular * parts.popular })
  if (reasons.length === 0) reasons.push({ text: 'from the range of the shop', share: 0 })
  return reasons.sort((a, b) => b.share - a.share).map(({ text }) => text)
}

/** As reasons name items: shortened, and each read once, because a few seeds explain a whole list. */
function quotedTitles(items: ItemSource): (doc: number) => string {
  const titles = new Map<number, string>()
  return (doc) => {
    const known = titles.get(doc)
    if (known !== undefined) return known
    const title = items.title(doc)
    const isLong = title.length > TITLE_CHARS_IN_REASON
    const quoted = `'${isLong ? `${title.slice(0, TITLE_CHARS_IN_REASON - 1).toWellFormed()}…` : title}'`
    titles.set(doc, quoted)
    return quoted
  }
}

/** The seed that speaks most for an item: nearest in meaning, or else of the same category. Never the item itself. */
function nearestSeed(
  items: ItemSource,
  { doc, category }: Candidate,
  seeds: readonly KnownSeed[],
): Seed | null {
  const own = items.vector(doc)
  const ownLeaf = category.at(-1)
  let best: Seed | null = null
  let bestScore = Number.NEGATIVE_INFINITY
  for (const { seed, vector, leaf } of seeds) {
    if (seed.doc === doc) continue
    let score = seed.weight * WEIGHT_SAYS + (leaf !== undefined && leaf === ownLeaf ? CATEGORY_SAYS : 0)
    if (own && vector?.length === own.length) score += dot(own, vector)
    if (score > bestScore) {
      best = seed
      bestScore = score
    }
  }
  return best
}
