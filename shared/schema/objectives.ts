/** @file What a list is to be good for, as a request may ask for it, and what each outcome is worth then. */
import { z } from 'zod'

/**
 *   balanced    a purchase counts ten clicks, a cart four: as the counters of demand weigh them
 *   click       what is looked at
 *   conversion  what is bought
 *   revenue     what is bought, times its price
 */
export const OBJECTIVES = ['balanced', 'click', 'conversion', 'revenue'] as const
export const Objective = z.enum(OBJECTIVES)
export type Objective = z.infer<typeof Objective>

/** Outputs of a ranker that says probabilities, in this order. */
export const RANK_OUTCOMES = ['click', 'cart', 'purchase'] as const

/** Worth of each outcome. For `revenue` times the price. */
export const OUTCOME_WORTH: Record<Objective, readonly [click: number, cart: number, purchase: number]> = {
  balanced: [1, 4, 10],
  click: [1, 0, 0],
  conversion: [0, 0, 1],
  revenue: [0, 0, 1],
}
