/** @file What the shopper buys again and again, when it is time. */
import { DAY_MS, type Purchase } from '../../profile/profile.ts'
import type { CandidateSource, Found } from './source.ts'

/** Of somebody whose intervals are not known, days; counts as much as one interval that is. */
const PRIOR_INTERVAL_DAYS = 45
/** Spread of the logarithm of an interval. */
const SPREAD = 0.5
/** From here on it is time. */
const DUE_MIN = 0.3

/** Purchases that are closer than this are of one occasion: they say nothing of an interval. */
const SPAN_MIN_DAYS = 7

/** `span`: days from the first of its purchases to the last. */
export type Due = { item: number; days: number; times: number; span: number; score: number }

/**
 * How due each bought item is: with the mean interval g between its n purchases (shrunk to the prior) and e days since the last,
 * score = c · exp(−½ (ln(e / g) / σ)²), where c = (n − 1) / n, or ¼ for what was bought once. Highest first, then by number.
 */
export function dueOf(purchases: readonly Purchase[], nowMs: number): Due[] {
  const today = nowMs / DAY_MS
  return [...Map.groupBy(purchases, ({ item }) => item)]
    .map(([item, own]) => {
      const times = own.length
      // Newest first.
      const span = own[0]!.day - own.at(-1)!.day
      const interval = (PRIOR_INTERVAL_DAYS + span) / times
      const days = Math.max(1, today - own[0]!.day)
      const shape = Math.exp(-0.5 * (Math.log(days / Math.max(1, interval)) / SPREAD) ** 2)
      return {
        item,
        times,
        span,
        days: Math.floor(days),
        score: (times > 1 ? (times - 1) / times : 0.25) * shape,
      }
    })
    .sort((a, b) => b.score - a.score || a.item - b.item)
}

/** Bought again before, and it is time: these are offered although they were bought. */
export const isDue = ({ span, score }: Due): boolean => span >= SPAN_MIN_DAYS && score >= DUE_MIN

export const againSource: CandidateSource = {
  feature: 'again',
  find: ({ items, due, accept }) =>
    due.flatMap(({ item, score }): Found[] => {
      const doc = items.docOfNumber(item)
      return doc !== undefined && accept(doc) ? [{ doc, score }] : []
    }),
}
