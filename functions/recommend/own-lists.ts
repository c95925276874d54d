/** @file Lists of the shopper's own items: what they looked at, what they buy. Pure. */
import type { Accept, ItemSource } from '../../shared/retrieval/item-source.ts'
import type { Facts } from '../profile/profile.ts'
import type { Scored } from '../ranking/ranked.ts'
import { type Language, sentence } from './reasons.ts'
import type { OwnListName } from './scenarios.ts'
import { dueOf } from './sources/again.ts'

type Own = { item: number; score: number; reason: string }

/** Best first; items that left the shop, or are not accepted, are not in it. Items have to be loaded by number. */
export function ownList(
  name: OwnListName,
  items: ItemSource,
  facts: Facts,
  accept: Accept,
  { nowMs, language }: { nowMs: number; language: Language },
): Scored[] {
  const own = name === 'buy-again' ? bought(facts, nowMs, language) : viewed(facts, language)
  return own.flatMap(({ item, score, reason }): Scored[] => {
    const doc = items.docOfNumber(item)
    return doc !== undefined && accept(doc) ? [{ doc, score, reasons: [reason] }] : []
  })
}

/** Newest first: 1, 1/2, 1/3, … */
function viewed({ events }: Facts, language: Language): Own[] {
  const looked = new Set(
    events.filter(({ kind }) => kind === 'view' || kind === 'click').map(({ item }) => item),
  )
  return Array.from(looked, (item, index) => ({
    item,
    score: 1 / (index + 1),
    reason: sentence(language, 'viewed'),
  }))
}

/** The most due first. */
const bought = ({ purchases }: Facts, nowMs: number, language: Language): Own[] =>
  dueOf(purchases, nowMs).map(({ item, days, score }) => ({
    item,
    score,
    reason: sentence(language, 'bought', String(days)),
  }))
