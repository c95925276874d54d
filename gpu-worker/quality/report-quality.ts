/** @file A quality run: the published catalogue → what is usual in it → the report in the bucket. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { z } from 'zod'
import { startLearning } from '../../shared/quality/catalogue-rules.ts'
import { driftSection } from '../../shared/quality/drift/section.ts'
import { eventSection } from '../../shared/quality/events/section.ts'
import { createReporter, trendPoint } from '../../shared/quality/report/report.ts'
import { DRIFT_KEY, DriftFile } from '../../shared/schema/drift.ts'
import { EVENT_QUALITY_KEY, EventQualityFile } from '../../shared/schema/event-quality.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import type { BatchRow } from '../../shared/schema/jobs.ts'
import type { Run } from '../../shared/schema/models.ts'
import {
  QUALITY_KEY,
  QualityReport,
  REFUSED_KEY,
  Refused,
  type ReportSection,
  type TrendPoint,
} from '../../shared/schema/quality-report.ts'
import type { BlobStore } from '../blob-store.ts'
import type { IndexStore } from '../indexing/index-store.ts'
import { readEventLog } from '../runs/event-log.ts'
import { RunError, RunStopped, sourceRows } from '../runs/train-model.ts'
import { isolatedPrices } from './isolated-prices.ts'

/** Items between two looks at the clock: signs of life go out, and the index job gets its turn. */
const ITEMS_PER_TURN = 100

type Deps = { blobs: BlobStore; store: IndexStore; nowMs(): number; threads: number }
type Options = { onProgress(progress: NonNullable<Run['progress']>): void; signal: AbortSignal }

export async function reportQuality(
  { blobs, store, nowMs, threads }: Deps,
  { onProgress, signal }: Options,
): Promise<QualityReport> {
  const live = await store.load()
  if (!live) throw new RunError('There is no catalogue yet; import one first.')
  const rows = await sourceRows(store, live)
  const views = viewsOf(await readEventLog(blobs))

  const inTurns = async (stage: string, work: (row: BatchRow) => void): Promise<void> => {
    for (const [at, row] of rows.entries()) {
      work(row)
      if (at % ITEMS_PER_TURN > 0) continue
      onProgress({ stage, done: at, total: rows.length })
      await nextTurn()
      if (signal.aborted) throw new RunStopped('the worker was stopped')
    }
  }
  const learning = startLearning()
  await inTurns('learning what is usual', ({ item }) => {
    if (item) learning.see(item)
  })
  const isolated = await isolatedPrices(live, threads)
  const reporter = createReporter({ learnt: learning.learn(), nowMs: nowMs() })
  await inTurns('judging', ({ number, item }) => {
    if (!item) return
    const findings = isolated.get(number) ?? []
    reporter.add({ id: item.id, item, findings, views: views.get(number) ?? 0 })
  })
  const { rows: refused, total } = (await readJson(blobs, REFUSED_KEY, Refused)) ?? { rows: [], total: 0 }
  for (const { itemId, findings } of refused) reporter.add({ id: itemId, item: null, findings })
  reporter.addRefused(total - refused.length)

  const report = reporter.finish({
    ...{ source: 'catalogue', hiddenShareMax: null },
    ...{ trend: await readTrend(blobs), sections: await readSections(blobs) },
  })
  await blobs.put(QUALITY_KEY, new TextEncoder().encode(JSON.stringify(report)))
  return report
}

/** How often shoppers looked at an item, by its number. */
function viewsOf(events: readonly StoredEvent[]): Map<number, number> {
  const views = new Map<number, number>()
  for (const { kind, items } of events)
    if (kind === 'view' || kind === 'click')
      for (const number of items) views.set(number, (views.get(number) ?? 0) + 1)
  return views
}

/** What idle work found about events and drift, as it lies in the bucket. */
async function readSections(blobs: BlobStore): Promise<ReportSection[]> {
  const events = await readJson(blobs, EVENT_QUALITY_KEY, EventQualityFile)
  const drift = await readJson(blobs, DRIFT_KEY, DriftFile)
  return [...(events ? [eventSection(events)] : []), ...(drift ? [driftSection(drift)] : [])]
}

async function readTrend(blobs: BlobStore): Promise<TrendPoint[]> {
  const earlier = await readJson(blobs, QUALITY_KEY, QualityReport)
  return earlier ? [...earlier.trend, trendPoint(earlier)] : []
}

/** Null where there is none, or one of an older form. */
async function readJson<S extends z.ZodType>(
  blobs: BlobStore,
  key: string,
  schema: S,
): Promise<z.infer<S> | null> {
  const object = await blobs.get(key)
  const parsed = object && schema.safeParse(JSON.parse(new TextDecoder().decode(object.bytes)))
  return parsed?.success ? parsed.data : null
}
