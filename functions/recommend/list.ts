/** @file From scored candidates to the list that is shown: the shop's rules, variety, chance, and places that were chosen. */
import type { Random } from '../../shared/lib/random.ts'
import { type Accept, type ItemSource, passesOf } from '../../shared/retrieval/item-source.ts'
import type { Scored } from '../ranking/ranked.ts'
import type { OverBudget, StageTimer } from '../ranking/stages.ts'
import { type Candidate, sortByScore } from './candidates.ts'
import { capped } from './caps.ts'
import { diversify } from './diversity.ts'
import { exploreGreedily } from './explore.ts'
import { placeAt } from './place.ts'
import { type Language, sentence } from './reasons.ts'
import type { Rules } from './request.ts'

/** Where rules narrow a list down, it is made of so many of the best. */
const POOL = 200
/** MMR and DPP choose so many of so many; what follows keeps its order, nobody compares a list's fortieth item with its first. */
const VARIED = { of: 100, wanted: 40 }
const MMR_LAMBDA = 0.7
const DPP_SHARPNESS = 4

/** An item at its place, and how likely it was to stand there. */
export type Chosen = { candidate: Candidate; propensity: number }
export type Variety = {
  /** In (0, 1]: a candidate counts so much less with each of its group before it. */
  damping: number
  groupOf(candidate: Candidate): string
}

/** Boosts and buries; the candidates come back in the order of their scores. */
export function applyBoosts(items: ItemSource, candidates: Candidate[], { boosts }: Rules): void {
  for (const { factor, filter } of boosts) {
    const passes = passesOf(items, filter)
    for (const candidate of candidates) if (passes(candidate.doc)) candidate.factor *= factor
  }
  for (const candidate of candidates) candidate.score *= candidate.factor
  sortByScore(candidates)
}

/**
 * The first `limit` of a varied order that keeps to the caps, a few of them left to chance. When variety takes too long, the rest of the list is in the
 * order of its scores, and that is told.
 *
 * @param candidates best first
 */
export async function chooseList(
  items: ItemSource,
  candidates: readonly Candidate[],
  rules: Rules,
  variety: Variety,
  limit: number,
  random: Random,
  stages: StageTimer,
): Promise<{ chosen: Chosen[]; degraded: OverBudget[] }> {
  stages.begin('diversify')
  let late = false
  const isLate = () => {
    late ||= stages.isOver()
    return late
  }
  const isCapped = rules.categoryMax < limit || rules.brandMax < limit
  const wanted = isCapped ? Math.max(POOL, limit) : limit
  const varied = await vary(items, candidates, rules, variety, wanted, isLate)
  const list = isCapped ? capped(varied, capsOf(items, rules), limit) : varied
  const shown = new Set(list)
  const pool = rules.explore > 0 ? candidates.filter((one) => !shown.has(one)).slice(0, POOL) : []
  const chances = exploreGreedily(list, pool, rules.explore, random)
  stages.begin('rank') // of what is shown, reasons and fields follow
  return {
    chosen: chances.map(({ item, propensity }) => ({ candidate: item, propensity })),
    degraded: late ? ['diversify-over-budget'] : [],
  }
}

const capsOf = (items: ItemSource, { categoryMax, brandMax }: Rules) => [
  { keyOf: (one: Candidate) => leafOf(one) ?? `doc ${one.doc}`, max: categoryMax },
  { keyOf: (one: Candidate) => items.brand(one.doc) || `doc ${one.doc}`, max: brandMax },
]

export const leafOf = ({ category }: Candidate): string | undefined => category.at(-1)

async function vary(
  items: ItemSource,
  ranked: readonly Candidate[],
  { diversity }: Rules,
  { damping, groupOf }: Variety,
  wanted: number,
  isLate: () => boolean,
): Promise<readonly Candidate[]> {
  if (diversity === 'none' || isLate()) return ranked.slice(0, wanted)
  if (diversity === 'groups') return diversify(ranked, groupOf, damping, wanted, isLate)
  const best = ranked.slice(0, VARIED.of)
  const highest = Math.max(best[0]?.score ?? 0, Number.MIN_VALUE)
  const relevant = best.map(({ doc, score }) => ({ doc, relevance: score / highest }))
  const rule =
    diversity === 'mmr'
      ? { kind: 'mmr' as const, lambda: MMR_LAMBDA }
      : { kind: 'dpp' as const, sharpness: DPP_SHARPNESS }
  const order = await items.vary(relevant, rule, Math.min(wanted, VARIED.wanted))
  const first = order.map((at) => best[at]!)
  const taken = new Set(first)
  return [...first, ...ranked.filter((one) => !taken.has(one))].slice(0, wanted)
}

/**
 * Pins and sponsored items at their places; those that may not be shown are left out. A pinned item that the list has anyway keeps its reasons.
 *
 * @param accept of items whose place was chosen
 */
export function placeChosen(
  items: ItemSource,
  list: readonly Scored[],
  { pins, sponsored }: Rules,
  accept: Accept,
  limit: number,
  language: Language,
): Scored[] {
  const known = new Map(list.map((one) => [one.doc, one]))
  const placed = (itemId: string, rank: number, paid: boolean) => {
    const doc = items.docOfId(itemId)
    if (doc === undefined || !accept(doc)) return []
    const { score = 0, reasons = [] } = known.get(doc) ?? {}
    const why = sentence(language, paid ? 'sponsored' : 'pinned')
    const item: Scored = { doc, score, reasons: [why, ...reasons] }
    return [{ item: paid ? { ...item, notes: { sponsored: true as const } } : item, rank }]
  }
  const all = [
    ...sponsored.flatMap(({ itemId, rank }) => placed(itemId, rank, true)),
    // One after the other: each takes the first place that is free.
    ...pins.flatMap((itemId) => placed(itemId, 1, false)),
  ]
  return placeAt(list, all, limit, ({ doc }) => doc)
}
