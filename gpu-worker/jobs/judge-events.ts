/**
 * @file When nothing else is to do: judge the event log of the last days, and leave the report in the bucket. The edge reads who
 * is no person from there, and takes their events out of its counters.
 */
import { createEventColumns } from '../../shared/quality/events/event-columns.ts'
import { eventQuality } from '../../shared/quality/events/event-quality.ts'
import { EVENT_QUALITY_KEY, type EventQualityFile } from '../../shared/schema/event-quality.ts'
import type { BlobStore } from '../blob-store.ts'
import { listEventFiles, readEvents } from '../runs/event-log.ts'

/** The log is read once in this time at most: each file is a billed operation. */
export const JUDGE_MS = 60 * 60_000
/** Slow bots show over days; the days before are what a drop is compared with. */
const WINDOW_MS = 15 * 86_400_000
/** The newest are judged; about 40 bytes each. */
const EVENTS_MAX = 5_000_000

type Deps = { blobs: BlobStore; nowMs(): number }
type Options = {
  /** Item numbers of the catalogue; asked only when there is something to judge. */
  catalogue: () => ReadonlySet<number>
  shouldStop: () => boolean
}
/** @returns null when there was nothing new, or when it was told to stop */
export type JudgeEvents = (options: Options) => Promise<EventQualityFile | null>

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
    let count = 0
    // Newest first, so that a log that is too long loses its oldest part.
    for await (const event of readEvents(blobs, keys.toReversed())) {
      if (shouldStop()) {
        judgedMs = Number.NEGATIVE_INFINITY
        return null
      }
      if (count++ === EVENTS_MAX) break
      columns.add(event)
    }
    const items = catalogue()
    const report = eventQuality(columns.finish(), { nowMs: now, isInCatalogue: (item) => items.has(item) })
    await blobs.put(EVENT_QUALITY_KEY, new TextEncoder().encode(JSON.stringify(report)))
    judgedFiles = files
    return report
  }
}
