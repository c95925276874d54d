/** @file What a request is about: the shopper's facts, the seeds that follow from them, and which items may be shown. */
import { type Accept, type Among, acceptAmong, type ItemSource } from '../../shared/retrieval/item-source.ts'
import {
  addFacts,
  type Facts,
  longTerm,
  NO_FACTS,
  type Profile,
  type ProfileEvent,
} from '../profile/profile.ts'
import { type Seed, seedsOf } from './interests.ts'
import type { RecommendRequest } from './request.ts'
import { type Scenario, scenarioOf } from './scenarios.ts'
import { type Due, dueOf, isDue } from './sources/again.ts'

export type Prepared = {
  scenario: Scenario
  facts: Facts
  due: Due[]
  seeds: Seed[]
  /** Not what is looked at, in the cart, or bought. */
  among: Among
  accept: Accept
  /** Likewise, but what was bought: a list of the shopper's own items, and places that were chosen, may hold it. */
  acceptOwn: Accept
}

export async function prepare(
  items: ItemSource,
  profile: Profile,
  { scenario: name, itemId, cart, recent, rules }: RecommendRequest,
  nowMs: number,
): Promise<Prepared> {
  const itemIds = itemId === undefined ? [] : [itemId]
  const placedIds = [...rules.pins, ...rules.sponsored.map((one) => one.itemId)]
  await items.load({
    ids: [...itemIds, ...cart, ...recent.map((one) => one.itemId), ...placedIds],
    numbers: [...profile.events, ...profile.purchases, ...profile.weeks].map(({ item }) => item),
  })
  const facts = withRecent(items, profile, recent, nowMs)
  const docsOf = (ids: readonly string[]) => ids.flatMap((id) => items.docOfId(id) ?? [])
  const context = { docs: docsOf(itemIds), cart: docsOf(cart) }
  const scenario = scenarioOf(name)
  const seeds = seedsOf(items, scenario.about === 'shopper' ? facts : NO_FACTS, context, nowMs)

  const inSight = new Set([...context.docs, ...context.cart])
  const due = dueOf(facts.purchases, nowMs).filter(isDue)
  const again = new Set(due.map(({ item }) => item))
  const bought = facts.purchases.filter(({ item }) => !again.has(item))
  const excluded = new Set([...inSight, ...bought.flatMap(({ item }) => items.docOfNumber(item) ?? [])])
  const among = { inStock: true, excluded, filter: rules.filter }
  const acceptOwn = acceptAmong(items, { ...among, excluded: inSight })
  return { scenario, facts, due, seeds, among, accept: acceptAmong(items, among), acceptOwn }
}

/**
 * With what the page says was just done. It is joined like events of this moment, so that one which the profile has already counts once; and
 * when its event is applied, the list stays as it is.
 */
function withRecent(
  items: ItemSource,
  profile: Profile,
  recent: RecommendRequest['recent'],
  nowMs: number,
): Facts {
  if (recent.length === 0) return profile
  const events = recent.flatMap(({ kind, itemId }, index): ProfileEvent[] => {
    const doc = items.docOfId(itemId)
    // Newest first, and all of them newer than what is in the profile.
    return doc === undefined ? [] : [{ item: items.number(doc), kind, timeMs: nowMs - index, rating: 0 }]
  })
  return addFacts(profile, { events, ...longTerm(events) }, 'assumed')
}
