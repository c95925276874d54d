/** @file The quality of an event log: what is wrong with it, and which of its shoppers are no people. The one door of this folder. */
import {
  type EventFinding,
  type EventQualityFile,
  SUSPECTS_EXPLAINED_MAX,
  SUSPECTS_MAX,
} from '../../schema/event-quality.ts'
import { BOT_SCORE_MIN, reasonFinding } from './bot-score.ts'
import { checkBalance, checkLog, countKinds, type LogContext } from './check-log.ts'
import type { EventColumns } from './event-columns.ts'
import { findDrops } from './find-drops.ts'
import { isBot, type JudgedShopper, judgeShoppers } from './judge-shoppers.ts'
import { createTally, type Tally } from './rules.ts'

const GRAVITY = { quarantine: 0, warn: 1, info: 2 } as const

/** Pure. Cost: a few seconds for a million events; see `npm run bench bots`. */
export function eventQuality(columns: EventColumns, context: LogContext): EventQualityFile {
  const tally = createTally()
  const byKind = countKinds(columns)
  checkLog(columns, context, tally)
  checkBalance(byKind, tally)
  reportDrops(columns, context.nowMs, tally)
  const suspects = judgeShoppers(columns)
    .filter(isBot)
    .sort((a, b) => b.score - a.score || (a.user < b.user ? -1 : 1))
  const eventsOf = countEvents(columns)
  return {
    judgedAt: new Date(context.nowMs).toISOString(),
    ...spanOf(columns),
    ...{ events: columns.count, shoppers: columns.shoppers.length, byKind },
    findings: tally.findings().sort(byGravity),
    bots: {
      threshold: BOT_SCORE_MIN,
      shoppers: suspects.length,
      events: suspects.reduce((sum, { user }) => sum + eventsOf.get(user)!, 0),
      groups: new Set(suspects.flatMap(({ group }) => group ?? [])).size,
      suspects: suspects.slice(0, SUSPECTS_EXPLAINED_MAX).map((one) => explain(one, eventsOf.get(one.user)!)),
    },
    suspectedUsers: suspects.slice(0, SUSPECTS_MAX).map(({ user }) => user),
  }
}

const explain = ({ user, score, group, reasons }: JudgedShopper, events: number) => ({
  ...{ user, score: Math.round(score * 1_000) / 1_000, events, group },
  reasons: reasons.map(reasonFinding),
})

const byGravity = (a: EventFinding, b: EventFinding) =>
  GRAVITY[a.severity] - GRAVITY[b.severity] || b.count - a.count

function reportDrops(columns: EventColumns, nowMs: number, tally: Tally): void {
  for (const { kind, fromMs, toMs, seen, usual } of findDrops(columns, nowMs)) {
    const when = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`
    tally.add('events-dropped', () => `${kind}: ${seen} instead of ${usual} from ${when}`)
  }
}

function countEvents({ count, shopper, shoppers }: EventColumns): Map<string, number> {
  const counts = new Float64Array(shoppers.length)
  for (let event = 0; event < count; event++) counts[shopper[event]!]!++
  return new Map(shoppers.map((user, at) => [user, counts[at]!]))
}

function spanOf({ count, timeMs }: EventColumns): { from: string | null; to: string | null } {
  if (count === 0) return { from: null, to: null }
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let event = 0; event < count; event++) {
    from = Math.min(from, timeMs[event]!)
    to = Math.max(to, timeMs[event]!)
  }
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
}
