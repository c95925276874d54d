/** @file Where a reply's stages are told: its `Server-Timing` header and, where the binding is there, one point in Analytics Engine. */
import type { Context } from 'hono'
import type { AppEnv } from '../http/app.ts'
import { type Faults, isFault } from './faults.ts'
import { STAGES, type StageTimer } from './stages.ts'

export type RankedRoute = 'search' | 'recommend' | 'similar'
/** The part of a reply that a point tells of. */
export type Told = {
  indexVersion: number
  model: string | null
  degraded: readonly string[]
  hits: readonly { id: string; propensity?: number | undefined }[]
}

/** End the stages of a reply, tell of them, and count its faults; to be called once, when the reply is made. */
export type ReportStages = (c: Context<AppEnv>, route: RankedRoute, reply: Told) => void

/**
 * One point for each reply. Names are fixed by their place, so that new ones are only ever added at the end:
 *
 *   index1   route: search, recommend, similar
 *   blob1    the same; an index may be sampled, a blob is not
 *   blob2    members of `degraded`, joined by commas
 *   blob3    model id
 *   blob4    hits that stand where they stand by chance: id=propensity, joined by commas; absent without any
 *   double1  milliseconds from the key to the reply
 *   double2  to double7: milliseconds of each stage in the order of `STAGES`, -1 for one that did not run
 *   double8  hits
 *   double9  index version
 *   double10 faults that the isolate counted since its last point, those of `degraded` included
 *
 * @param dataset absent where nothing is to be written, as on a developer's machine
 * Source: https://developers.cloudflare.com/analytics/analytics-engine/limits/ (20 blobs, 20 doubles and one index a point).
 */
export const createReportStages =
  (dataset: AnalyticsEngineDataset | undefined, faults: Faults): ReportStages =>
  (c, route, reply) => {
    for (const name of reply.degraded) if (isFault(name)) faults.count(name)
    const stages = c.get('stages')
    stages.end()
    c.header('server-timing', formatServerTiming(stages))
    // Without it a browser shows the times to pages of this origin only, and shops call from theirs.
    c.header('timing-allow-origin', '*')
    if (dataset) writePoint(dataset, route, stages, reply, faults.taken())
  }

/** Stages that ran, e.g. "auth;dur=0.21, retrieve;dur=1.5". Source: W3C Server Timing. */
export function formatServerTiming(stages: StageTimer): string {
  let text = ''
  for (const stage of STAGES) {
    const spentMs = stages.spentMs(stage)
    if (spentMs < 0) continue
    text += `${text === '' ? '' : ', '}${stage};dur=${Math.round(spentMs * 100) / 100}`
  }
  return text
}

/** With the events of the request these are what an estimator of another policy needs. */
const formatChances = (hits: Told['hits']): string =>
  hits
    .flatMap(({ id, propensity = 1 }) => (propensity < 1 ? `${id}=${propensity.toPrecision(4)}` : []))
    .join(',')

function writePoint(
  dataset: AnalyticsEngineDataset,
  route: RankedRoute,
  stages: StageTimer,
  { indexVersion, model, degraded, hits }: Told,
  faultCount: number,
): void {
  const doubles = [stages.totalMs()]
  for (const stage of STAGES) doubles.push(stages.spentMs(stage))
  doubles.push(hits.length, indexVersion, faultCount)
  try {
    const chances = formatChances(hits)
    const blobs = [route, degraded.join(','), model ?? '', ...(chances === '' ? [] : [chances])]
    dataset.writeDataPoint({ indexes: [route], blobs, doubles })
  } catch {
    // A point that cannot be taken is lost: no shopper waits or fails for a statistic.
  }
}
