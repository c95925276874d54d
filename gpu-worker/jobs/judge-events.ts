/**
 * @file When nothing else is to do: judge the event log of the last days, and leave the report in the bucket. The edge reads who
 * is no person from there, and takes their events out of its counters.
 */
import { daySnapshot } from '../../shared/quality/drift/snapshots.ts'
import { createEventColumns } from '../../shared/quality/events/event-columns.ts'
import { eventQuality } from '../../shared/quality/events/event-quality.ts'
import type { DaySnapshot } from '../../shared/schema/drift.ts'
import { EVENT_QUALITY_KEY, type EventQualityFile } from '../../shared/schema/event-quality.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import type { BlobStore } from '../blob-store.ts'
import { listEventFiles, readEvents } from '../runs/event-log.ts'

/** The log is read once in this time at most: each file is a billed operation. */
export const JUDGE_MS = 60 * 60_000
/** Slow bots show over days; the days before are what a drop is compared with. */
const DAY_MS = 86_400_000
const WINDOW_MS = 15 * DAY_MS
/** Full days that are given as snapshots: the last, and the one that it is compared with. */
const DAYS_SNAPPED = 2
/** The newest are judged; about 40 bytes each. */
const EVENTS_MAX = 5_000_000

type Act = Pick<StoredEvent, 'kind' | 'user' | 'query'>
type Deps = { blobs: BlobStore; nowMs(): number }
type Options = {
  /** Item numbers of the catalogue; asked only when there is something to judge. */
  catalogue: () => ReadonlySet<number>
  shouldStop: () => boolean
}
export type Judged = {
  report: EventQualityFile
  /** The last full days, without what bots did, oldest first. */
  days: DaySnapshot[]
}
/** @returns null when there was nothing new, or when it was told to stop */
export type JudgeEvents = (options: Options) => Promise<Judged | null>

export function createJudgeEvents({ blobs, nowMs }: Deps): JudgeEvents {
  let judgedMs = Number.NEGATIVE_INFINITY
  /** Of the files that the last report is about. */
  let judgedFiles = ''

  return async ({ catalogue, shouldStop }) => {
    const now = nowMs()
    if (now - judgedMs < JUDGE_MS) return null
    judgedMs = now
    const keys = await listEventFiles(blobs, now - WINDOW_MS)
    const files = `${keys.length} ${keys.at(-1) ?? ''}`
    if (keys.length === 0 || files === judgedFiles) return null
    const columns = createEventColumns()
    const today = Math.floor(now / DAY_MS)
    const lastDays = new Map<number, Map<string, Act>>()
    for (let day = today - DAYS_SNAPPED; day < today; day++) lastDays.set(day, new Map())
    let count = 0
    // Newest first, so that a log that is too long loses its oldest part.
    for await (const event of readEvents(blobs, keys.toReversed())) {
      if (shouldStop()) {
        judgedMs = Number.NEGATIVE_INFINITY
        return null
      }
      if (count++ === EVENTS_MAX) break
      columns.add(event)
      const { eventId, kind, user, query, suspectedBot } = event
      if (!suspectedBot)
        lastDays
          .get(Math.floor(event.timeMs / DAY_MS))
          ?.set(eventId, query === undefined ? { kind, user } : { kind, user, query })
    }
    const items = catalogue()
    const report = eventQuality(columns.finish(), { nowMs: now, isInCatalogue: (item) => items.has(item) })
    await blobs.put(EVENT_QUALITY_KEY, new TextEncoder().encode(JSON.stringify(report)))
    judgedFiles = files
    const bots = new Set(report.suspectedUsers)
    return { report, days: [...lastDays].flatMap(([day, acts]) => snapshotOf(day, acts, bots, now)) }
  }
}

/** A day without events has no snapshot: there is nothing to compare. */
function snapshotOf(
  day: number,
  acts: ReadonlyMap<string, Act>,
  bots: ReadonlySet<string>,
  nowMs: number,
): DaySnapshot[] {
  const ofPeople = [...acts.values()].filter(({ user }) => !bots.has(user))
  const date = new Date(day * DAY_MS).toISOString().slice(0, 10)
  return ofPeople.length === 0 ? [] : [daySnapshot(ofPeople, date, nowMs)]
}
