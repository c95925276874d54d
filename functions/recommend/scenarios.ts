/** @file Scenarios: where the candidates of a list come from. One line each. */
import type { SourceName } from './sources/sources.ts'

export type Scenario = {
  sources: readonly SourceName[]
  /** What candidates are looked for by: all that the shopper turned to, or the item being looked at and the cart alone. */
  about: 'shopper' | 'context'
  /** Without any of it the list is that of a new shopper. */
  needsSeeds: boolean
  /** Categories (last level) of the seeds are left out. */
  otherCategories?: true
  /** At most so many of one category. */
  categoryMax?: number
}

const SCENARIOS = {
  'for-you': {
    sources: ['vector', 'neighbours', 'shelf', 'trending', 'arrivals', 'again', 'sale'],
    ...{ about: 'shopper', needsSeeds: true },
  },
  similar: { sources: ['vector', 'neighbours'], about: 'context', needsSeeds: true },
  complementary: {
    sources: ['neighbours', 'trending'],
    ...{ about: 'context', needsSeeds: true, otherCategories: true },
  },
  'bought-together': { sources: ['neighbours'], about: 'context', needsSeeds: true },
  trending: { sources: ['trending'], about: 'shopper', needsSeeds: false },
  new: { sources: ['arrivals'], about: 'shopper', needsSeeds: false },
  'on-sale': { sources: ['sale'], about: 'shopper', needsSeeds: false },
  'next-category': {
    sources: ['neighbours', 'vector', 'trending', 'arrivals'],
    ...{ about: 'shopper', needsSeeds: true, otherCategories: true, categoryMax: 1 },
  },
} satisfies Record<string, Scenario>

/** The shopper's own items in their order; of who has none the list is `for-you`. */
export const OWN_LISTS = ['recently-viewed', 'buy-again'] as const
export type OwnListName = (typeof OWN_LISTS)[number]
export type ScenarioName = keyof typeof SCENARIOS | OwnListName
export const SCENARIO_NAMES: readonly ScenarioName[] = [
  ...(Object.keys(SCENARIOS) as (keyof typeof SCENARIOS)[]),
  ...OWN_LISTS,
]
/** These say nothing without a shopper, */
export const NEEDS_SHOPPER: readonly ScenarioName[] = ['for-you', 'next-category', ...OWN_LISTS]
/** and these without an item or a cart. */
export const NEEDS_CONTEXT: readonly ScenarioName[] = ['similar', 'complementary', 'bought-together']

export const ownListOf = (name: ScenarioName): OwnListName | undefined =>
  OWN_LISTS.find((own) => own === name)
export const scenarioOf = (name: ScenarioName): Scenario =>
  SCENARIOS[name as keyof typeof SCENARIOS] ?? SCENARIOS['for-you']
