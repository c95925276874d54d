/** @file Cron: once a night, order a quality report of a catalogue that changed since the last one. */
import type { Run } from '../../shared/schema/models.ts'

/** When few shop. */
const HOUR_UTC = 3
const MS_BETWEEN_MIN = 12 * 3_600_000

type Deps = {
  /** The last order, whatever became of it. */
  lastRun(): Promise<Run | null>
  order(): Promise<unknown>
  clock: () => number
}

/** @param publishedAt of the index that the shop shows, ISO 8601; null when there is none */
export const createOrderReport =
  ({ lastRun, order, clock }: Deps) =>
  async (publishedAt: string | null): Promise<'ordered' | 'not-due'> => {
    const nowMs = clock()
    if (publishedAt === null || new Date(nowMs).getUTCHours() !== HOUR_UTC) return 'not-due'
    const run = await lastRun()
    const orderedMs = run ? Date.parse(run.requestedAt) : Number.NEGATIVE_INFINITY
    if (nowMs - orderedMs < MS_BETWEEN_MIN || Date.parse(publishedAt) <= orderedMs) return 'not-due'
    await order()
    return 'ordered'
  }
