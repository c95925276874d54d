/** @file What a ranker learns from: items that were shown, at which place, and what came of it. */
import { DataError } from '../train/examples.ts'
import { OUTCOMES, type Outcome } from './multi-task.ts'

export type Impression = {
  /** Of the reply that showed it: rows of one request are compared with each other. */
  request: string
  item: string
  /** From 1. */
  position: number
  /** f32[features], each in [0, 1]. */
  features: Float32Array
  /** 0 or 1; a cart is clicked, a purchase was in a cart. */
  outcomes: Record<Outcome, 0 | 1>
}

/**
 * Whether a ranker can learn from them.
 *
 * @throws DataError that says what is missing or wrong, with the first such row
 */
export function requireUsable(impressions: readonly Impression[]): void {
  if (impressions.length === 0) throw new DataError('There is no impression to learn from.')
  const width = impressions[0]!.features.length
  impressions.forEach(({ features, outcomes, position }, row) => {
    const fault =
      features.length !== width
        ? `has ${features.length} features where the first has ${width}`
        : !features.every((value) => value >= 0 && value <= 1)
          ? 'has a feature that is not in [0, 1]'
          : !Number.isInteger(position) || position < 1
            ? `has the position ${position}; the first is 1`
            : outcomes.cart > outcomes.click || outcomes.purchase > outcomes.cart
              ? 'has an outcome without the one before it (click, cart, purchase)'
              : null
    if (fault) throw new DataError(`Impression ${row + 1} ${fault}.`)
  })
  const clicks = impressions.filter(({ outcomes }) => outcomes.click === 1).length
  if (clicks === 0 || clicks === impressions.length)
    throw new DataError(
      `Of ${impressions.length} impressions ${clicks} were clicked: there is nothing to tell apart.`,
    )
}

/** Of each outcome, how often it came. */
export function countOutcomes(impressions: readonly Impression[]): Record<Outcome, number> {
  const count = (outcome: Outcome) => impressions.filter(({ outcomes }) => outcomes[outcome] === 1).length
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, count(outcome)])) as Record<Outcome, number>
}
