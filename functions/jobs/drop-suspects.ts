/**
 * @file Cron: takes what the worker judged to be no person out of the counters. The events stay in the log; a shopper who is
 * judged a person later is counted from then on.
 */
import { EVENT_QUALITY_KEY, EventQualityFile } from '../../shared/schema/event-quality.ts'

/** A verdict holds so long when no new one comes: the worker sleeps while there is nothing to do. */
const VERDICT_MS = 7 * 86_400_000
/** Events taken back in one go, so that the database is free for others between. */
const EVENTS_PER_GO_MAX = 2_000

type Deps = {
  db: D1Database
  bucket: Pick<R2Bucket, 'get' | 'head'>
  clock: () => number
  log: (message: string) => void
}

export function createDropSuspects({ db, bucket, clock, log }: Deps) {
  /** Version of the report that this isolate has applied. Applying one twice changes nothing. */
  let applied: string | undefined

  /** @returns events that were taken back */
  return async (): Promise<number> => {
    const held = await bucket.head(EVENT_QUALITY_KEY)
    if (!held) return 0
    if (held.etag !== applied) {
      const verdict = await readVerdict()
      if (!verdict) return 0
      const users = JSON.stringify(verdict.suspectedUsers)
      const until = Date.parse(verdict.judgedAt) + VERDICT_MS
      await db.batch([
        db.prepare('DELETE FROM suspected_shoppers WHERE until_ms <= ?').bind(clock()),
        db
          .prepare(
            `INSERT INTO suspected_shoppers (user, until_ms) SELECT value, ? FROM json_each(?) WHERE true
             ON CONFLICT DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)`,
          )
          .bind(until, users),
        db.prepare('DELETE FROM query_users WHERE user IN (SELECT value FROM json_each(?))').bind(users),
      ])
      applied = held.etag
    }
    const { meta } = await db
      .prepare(
        `DELETE FROM events_seen WHERE event_id IN (
           SELECT event_id FROM events_seen
           WHERE user IN (SELECT user FROM suspected_shoppers WHERE until_ms > ?) LIMIT ?
         )`,
      )
      .bind(clock(), EVENTS_PER_GO_MAX)
      .run()
    return meta.changes
  }

  async function readVerdict(): Promise<EventQualityFile | null> {
    const object = await bucket.get(EVENT_QUALITY_KEY)
    const parsed = EventQualityFile.safeParse(await object?.json().catch(() => null))
    if (parsed.success) return parsed.data
    log(`the report on events cannot be read: ${parsed.error.message.slice(0, 300)}`)
    return null
  }
}
