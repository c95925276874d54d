/** @file Recommendations: profile → interests → candidates of the scenario's sources → ranker → rules → variety → places. */
import { createRandom } from '../../shared/lib/random.ts'
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { RankedReply } from '../../shared/schema/replies.ts'
import { affinitiesOf } from '../profile/affinities.ts'
import {
  type ConsentRule,
  EMPTY_PROFILE,
  mayRemember,
  type Profile,
  type ProfileStore,
} from '../profile/profile.ts'
import { rankedFrame, type Scored, toHits } from '../ranking/ranked.ts'
import { linearRanker, type Rank, type RankerFault, type Scores } from '../ranking/ranker.ts'
import type { LoadedSignals } from '../ranking/signals.ts'
import type { ItemsOf } from '../ranking/source-of.ts'
import type { OverBudget, StageTimer } from '../ranking/stages.ts'
import type { WaitUntil } from '../ranking/wait-until.ts'
import { type Candidate, featuresOf, gatherCandidates, newCandidate } from './candidates.ts'
import { attributionOf } from './explain.ts'
import { interestsOf } from './interests.ts'
import { applyBoosts, type Chosen, chooseList, leafOf, placeChosen, type Variety } from './list.ts'
import { ownList } from './own-lists.ts'
import { type Prepared, prepare } from './prepare.ts'
import { knownSeeds, reasonsOf, shortTitles } from './reasons.ts'
import type { RecommendRequest } from './request.ts'
import { ownListOf } from './scenarios.ts'
import { SOURCES } from './sources/sources.ts'
import { popularOf } from './sources/trending.ts'

const WARM_DAMPING = 0.9
const COLD_DAMPING = 0.5
/** A new shopper's candidates, so that a list can be filled from all over the shop before anything is popular. */
const COLD_CANDIDATES = 200
/** Below what any evidence gives. */
const RANGE_SCORE = 1e-6

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
  consentRule: ConsentRule
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
    consentRule,
    profileBudgetMs,
    timeout = (ms) => AbortSignal.timeout(ms),
  }: Deps): Recommend =>
  async (index, signals, request, stages, waitUntil) => {
    const read = request.user === null ? null : await profiles.read(request.user, timeout(profileBudgetMs))
    const degraded: string[] = !read || read.ok ? [] : [`profile-${read.error.kind}`]
    const profile = (read?.ok && read.value) || EMPTY_PROFILE
    // Of who may not be remembered, neither the past is used nor what the page says of it.
    const [past, asked] = mayRemember(profile.consent, consentRule)
      ? [profile, request]
      : [EMPTY_PROFILE, { ...request, recent: [] }]
    const { objective } = request
    const scoreAll: ScoreAll = (features, rows, priceOf) => {
      const prices = () => Float32Array.from({ length: rows }, (_, row) => Math.max(0, priceOf(row) || 0))
      const wanted = { objective, ...(objective === 'revenue' ? { prices: prices() } : {}) }
      return rank(index.manifest.ranker, features, rows, stages, waitUntil, wanted)
    }
    const items = itemsOf(index)
    const ranked = await rankFor(items, signals, past, asked, clock(), stages, scoreAll)
    const hits = await toHits(items, ranked.list)
    if (items.isDown()) return null
    degraded.push(...ranked.degraded, ...items.degraded())
    return { ...rankedFrame(request.requestId, index, degraded), hits }
  }

type RankedList = { list: Scored[]; degraded: (OverBudget | RankerFault)[] }
/** Features of candidates → scores, see `Ranker`. */
type ScoreAll = (
  features: Float32Array,
  rows: number,
  priceOf: (row: number) => number,
) => Scores | Promise<Scores>

/** The same index, signals, profile, request, time and ranker give the same list, while there is time for it. */
export async function rankFor(
  items: ItemSource,
  signals: LoadedSignals,
  profile: Profile,
  request: RecommendRequest,
  nowMs: number,
  stages: StageTimer,
  scoreAll: ScoreAll,
): Promise<RankedList> {
  const { limit, language } = request
  stages.begin('retrieve')
  const prepared = await prepare(items, profile, request, nowMs)
  const { scenario, facts, seeds, acceptOwn } = prepared
  const finish = (list: readonly Scored[]) =>
    placeChosen(items, list, request.rules, acceptOwn, limit, language)

  const own = ownListOf(request.scenario)
  const ownItems = own ? ownList(own, items, facts, acceptOwn, { nowMs, language }) : []
  if (ownItems.length > 0) return { list: finish(ownItems.slice(0, limit)), degraded: [] }

  const warm =
    scenario.needsSeeds && seeds.length === 0 ? [] : await candidatesFor(items, signals, prepared, nowMs)
  // A new shopper; or seeds that lead nowhere, without vectors and partners, before anything is popular.
  const isCold = warm.length === 0
  const candidates = isCold ? await popularCandidates(items, signals, prepared) : warm
  stages.begin('rank')
  const priceOf = (row: number) => items.price(candidates[row]!.doc)
  const scoring = isCold
    ? linearScores(candidates)
    : scoreAll(featuresOf(candidates), candidates.length, priceOf)
  // Waits only where a model runs.
  const scored = scoring instanceof Promise ? await scoring : scoring
  candidates.forEach((candidate, row) => {
    candidate.score = isCold ? Math.max(RANGE_SCORE, scored.scores[row]!) : scored.scores[row]!
  })
  const rules = {
    ...request.rules,
    categoryMax: Math.min(request.rules.categoryMax, scenario.categoryMax ?? limit),
  }
  applyBoosts(items, candidates, rules)
  const random = createRandom(seedOf(request.requestId))
  const variety = isCold ? coldVariety(items) : warmVariety(items)
  const { chosen, degraded } = await chooseList(items, candidates, rules, variety, limit, random, stages)
  const list = await explained(items, chosen, prepared, request)
  return { list: finish(list), degraded: [...scored.degraded, ...degraded] }
}

async function candidatesFor(
  items: ItemSource,
  signals: LoadedSignals,
  { scenario, facts, due, seeds, among, accept }: Prepared,
  nowMs: number,
): Promise<Candidate[]> {
  const known = { items, signals, due, seeds, nowMs }
  await items.load({
    vectors: seeds.map(({ doc }) => doc),
    numbers: scenario.sources.flatMap((name) => SOURCES[name].numbers?.(known) ?? []),
  })
  const affinities = affinitiesOf(items, facts.weeks, nowMs)
  const context = { ...known, interests: interestsOf(items, seeds), affinities, among, accept }
  const candidates = await gatherCandidates(context, scenario.sources)
  if (!scenario.otherCategories) return candidates
  const knownLeaves = new Set(seeds.map(({ doc }) => items.category(doc).at(-1)))
  return candidates.filter((one) => !knownLeaves.has(leafOf(one)))
}

/** Popular items; before the first events, and to fill up a short list, items from all over the shop. */
async function popularCandidates(
  items: ItemSource,
  signals: LoadedSignals,
  { accept }: Prepared,
): Promise<Candidate[]> {
  await items.load({ numbers: signals.popular.map(([number]) => number) })
  const popular = popularOf({ items, signals, accept })
  const candidates = popular.flatMap(({ doc, score }) => {
    const candidate = newCandidate(items, doc)
    if (candidate) candidate.parts.popular = score
    return candidate ?? []
  })
  const known = new Set(popular.map(({ doc }) => doc))
  const places = COLD_CANDIDATES - candidates.length
  const range = places > 0 ? await items.range(COLD_CANDIDATES) : []
  const others = range.filter((doc) => !known.has(doc) && accept(doc)).slice(0, places)
  return [...candidates, ...others.flatMap((doc) => newCandidate(items, doc) ?? [])]
}

const linearScores = (candidates: readonly Candidate[]): Scores => ({
  scores: linearRanker.score(featuresOf(candidates), candidates.length),
  degraded: [],
})

const warmVariety = (items: ItemSource): Variety => ({
  damping: WARM_DAMPING,
  groupOf: (one) => leafOf(one) ?? items.brand(one.doc),
})
const coldVariety = (items: ItemSource): Variety => ({
  damping: COLD_DAMPING,
  groupOf: (one) => one.category[0] ?? items.brand(one.doc),
})

/** Reasons cost more than scores: only what is shown gets them. */
async function explained(
  items: ItemSource,
  chosen: readonly Chosen[],
  { seeds }: Prepared,
  { rules, language, explain }: RecommendRequest,
): Promise<Scored[]> {
  const shown = chosen.map(({ candidate }) => candidate.doc)
  await items.load({ reasonVectors: shown, displays: shown })
  const known = knownSeeds(items, seeds)
  const titleOf = shortTitles(items)
  return chosen.map(({ candidate, propensity }) => ({
    doc: candidate.doc,
    score: candidate.score,
    reasons: reasonsOf(items, candidate, known, titleOf, language),
    notes: {
      ...(rules.explore > 0 ? { propensity } : {}),
      ...(explain ? { attribution: attributionOf(candidate) } : {}),
    },
  }))
}

/** 32 bits of a request id: what is left to chance can be told again from it. */
const seedOf = (requestId: string): number => {
  let seed = 0
  for (let at = 0; at < requestId.length; at++) seed = (Math.imul(seed, 31) + requestId.charCodeAt(at)) | 0
  return seed
}
