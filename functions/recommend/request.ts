/** @file What may be asked of recommendations. */
import type { Filter } from '../../shared/retrieval/filter.ts'
import type { Objective } from '../../shared/schema/objectives.ts'
import type { ProfileKind } from '../profile/profile.ts'
import type { Language } from './reasons.ts'
import type { ScenarioName } from './scenarios.ts'

export const DIVERSITIES = ['groups', 'mmr', 'dpp', 'none'] as const
/** How a list is kept from being all of one kind: by category, by likeness (MMR, DPP), or not at all. */
export type Diversity = (typeof DIVERSITIES)[number]

/** What a shop's rules make of a list. Filters are of facts: price, stock, brand, category. */
export type Rules = {
  /** Only items that pass. */
  filter: Filter
  /** The score of items that pass is multiplied; a factor below 1 buries them. */
  boosts: readonly { factor: number; filter: Filter }[]
  /** Items for the first places, by id. */
  pins: readonly string[]
  /** Items for places that are paid for, by id, with their rank from 1. */
  sponsored: readonly { itemId: string; rank: number }[]
  /** At most so many of one category (last level) and of one brand, while there are others. */
  categoryMax: number
  brandMax: number
  diversity: Diversity
  /** How often a place that is kept for it shows what would not be shown, [0, 0.5]. */
  explore: number
}

export type RecommendRequest = {
  requestId: string
  scenario: ScenarioName
  /** Pseudonym; null for a visitor of whom nothing is known. */
  user: string | null
  limit: number
  /** The item being looked at. */
  itemId: string | undefined
  cart: readonly string[]
  /** What was just done and may not have reached the profile yet, newest first. */
  recent: readonly { kind: ProfileKind; itemId: string }[]
  rules: Rules
  language: Language
  /** What a learnt ranker that says outcomes is to rank for. */
  objective: Objective
  explain: boolean
}

export const NO_RULES: Rules = {
  filter: [],
  boosts: [],
  pins: [],
  sponsored: [],
  categoryMax: Number.POSITIVE_INFINITY,
  brandMax: Number.POSITIVE_INFINITY,
  diversity: 'groups',
  explore: 0,
}
