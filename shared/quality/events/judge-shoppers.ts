/** @file Every shopper of a log with a score: which of them are no people. */
import type { StoredEvent } from '../../schema/events.ts'
import { BOT_SCORE_MIN, type BotReason, scoreBot, usualShopper } from './bot-score.ts'
import type { EventColumns } from './event-columns.ts'
import { findLockstep } from './lockstep.ts'
import { shopperFeatures } from './shopper-features.ts'

export type JudgedShopper = {
  /** Pseudonym. */
  user: string
  score: number
  reasons: BotReason[]
  /** Number of the group that acts in lockstep with this one, or null. */
  group: number | null
}

/** In the order of `columns.shoppers`. Pure; no clock, no chance; the same for the same events in the same order. */
export function judgeShoppers(columns: EventColumns): JudgedShopper[] {
  const locksteps = findLockstep(columns)
  const features = shopperFeatures(columns)
  const usual = usualShopper(features)
  return columns.shoppers.map((user, at) => {
    const lockstep = locksteps[at]!
    const { score, reasons } = scoreBot({ ...features[at]!, lockstep, usual })
    const isInGroup = reasons.some(({ rule }) => rule === 'bot-lockstep')
    return { user, score, reasons, group: isInGroup ? lockstep!.group : null }
  })
}

export const isBot = ({ score }: Pick<JudgedShopper, 'score'>): boolean => score >= BOT_SCORE_MIN

/** What training and counters may use: neither suspected at the door, nor of a shopper who was judged a bot later. */
export function cleanEvents(events: readonly StoredEvent[], judged: readonly JudgedShopper[]): StoredEvent[] {
  const bots = new Set(judged.filter(isBot).map(({ user }) => user))
  return events.filter(({ user, suspectedBot }) => !suspectedBot && !bots.has(user))
}
