/**
 * @file Kinds of events that suddenly come no more, or hardly: a tag that was lost in a release, a backend that stopped sending.
 * The last hour, six hours and day are compared with the same hours of the days before, by their median, so that night and day,
 * and one bad day among the earlier ones, do not matter.
 */
import { EVENT_KINDS, type EventKind } from '../../schema/events.ts'
import type { EventColumns } from './event-columns.ts'
import { median } from './quantiles.ts'

const HOUR_MS = 3_600_000
const HOURS_PER_DAY = 24
/** Longest first: the longest span that alerts is reported. */
const SPANS_HOURS = [24, 6, 1] as const
const DAYS_COMPARED_MAX = 14
/** Days before with fewer of them a median says little. */
const DAYS_COMPARED_MIN = 4
/** Fewer usual events in a span vary by themselves. */
const USUAL_MIN = 20
/** An alert needs both: less than this share of the usual, because a Sunday is half a Monday; */
export const SEEN_SHARE_MAX = 0.4
/** and so many spreads below it, where the spread is the larger of chance (√usual) and what the days before differed (MAD). */
export const SPREADS_MIN = 4

export type Drop = {
  kind: EventKind
  fromMs: number
  toMs: number
  seen: number
  /** Median of the days before. */
  usual: number
}

/** @param nowMs the last full hour before it is the end of all spans */
export function findDrops({ count, timeMs, kind }: EventColumns, nowMs: number): Drop[] {
  if (count === 0) return []
  const end = Math.floor(nowMs / HOUR_MS)
  const first = Math.ceil(
    timeMs.subarray(0, count).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) / HOUR_MS,
  )
  const hours = Math.min(end - first, (DAYS_COMPARED_MAX + 1) * HOURS_PER_DAY)
  if (hours <= 0) return []
  const counts = EVENT_KINDS.map(() => new Float64Array(hours))
  for (let event = 0; event < count; event++) {
    const at = Math.floor(timeMs[event]! / HOUR_MS) - (end - hours)
    if (at >= 0 && at < hours) counts[kind[event]!]![at]!++
  }
  return EVENT_KINDS.flatMap((name, at) => {
    for (const span of SPANS_HOURS) {
      const drop = dropOf(counts[at]!, span)
      if (drop) return [{ kind: name, fromMs: (end - span) * HOUR_MS, toMs: end * HOUR_MS, ...drop }]
    }
    return []
  })
}

function dropOf(hourly: Float64Array, span: number): { seen: number; usual: number } | null {
  const sumBefore = (hour: number) => hourly.subarray(hour - span, hour).reduce((sum, next) => sum + next, 0)
  const before: number[] = []
  for (let hour = hourly.length - HOURS_PER_DAY; hour >= span; hour -= HOURS_PER_DAY)
    before.push(sumBefore(hour))
  if (before.length < DAYS_COMPARED_MIN) return null
  const seen = sumBefore(hourly.length)
  const usual = median(before)
  const differs = 1.4826 * median(before.map((one) => Math.abs(one - usual)))
  const isDrop =
    usual >= USUAL_MIN &&
    seen < SEEN_SHARE_MAX * usual &&
    usual - seen >= SPREADS_MIN * Math.max(Math.sqrt(usual), differs)
  return isDrop ? { seen, usual } : null
}
