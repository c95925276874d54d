/** @file Which events look automatic. They are kept in the log, and count nowhere. */
import { isTooFast } from '../../shared/quality/events/too-fast.ts'

const BOT_AGENTS = /bot\b|crawl|spider|slurp|preview|monitor|headless(?!chrome)/i
type Timed = { user: string; kind: string; timeMs: number }

/**
 * @param userAgent of the caller; a shop's backend that sends for its shoppers names itself
 * @returns         one verdict for each event, in order
 */
export function suspectBots(events: readonly Timed[], userAgent: string | undefined): boolean[] {
  if (userAgent !== undefined && BOT_AGENTS.test(userAgent)) return events.map(() => true)
  const timesOf = new Map<string, number[]>()
  for (const { user, kind, timeMs } of events) {
    // One page shows many items at once: impressions say nothing about the speed of a hand.
    if (kind === 'impression') continue
    const times = timesOf.get(user)
    if (times) times.push(timeMs)
    else timesOf.set(user, [timeMs])
  }
  const automatic = new Set([...timesOf].filter(([, times]) => isTooFast(times)).map(([user]) => user))
  return events.map(({ user }) => automatic.has(user))
}
