/**
 * @file The outbox: a batch row is written with its items in one transaction, then its blob and its queue message follow. If the
 * edge stops in between, the sweep (cron) finds the row and does the rest; sending twice is harmless.
 */

import type { Index } from '../../shared/retrieval/load-index.ts'
import type { Item } from '../../shared/schema/item.ts'
import { type BatchRow, batchKey, type IndexJob } from '../../shared/schema/jobs.ts'
import type { BatchReply } from '../../shared/schema/replies.ts'
import type { QueueSender } from '../queue-sender.ts'
import type { Shows } from '../ranking/shows.ts'
import type { CatalogStore, WrittenRow } from './store.ts'

/** A batch that was never sent is the sweep's after this time; before, its request may still be at work. */
const UNSENT_GRACE_MS = 5_000
/** A sent batch without an answer is sent again after this time, doubled with each sending. */
const RESEND_BASE_MS = 120_000
const RESEND_MAX_MS = 3_600_000
const SWEEP_BATCHES_MAX = 50
/** Done batches and their blobs are kept as long as a late copy of their message may come. */
const KEEP_DONE_MS = 7 * 86_400_000

type Deps = {
  db: D1Database
  bucket: Pick<R2Bucket, 'put' | 'delete'>
  store: CatalogStore
  queue: QueueSender
  shows: Shows
  clock: () => number
  log: (message: string) => void
}
type PendingBatch = { batchId: string; createdAt: number; sentAt: number | null; sends: number }

export type Outbox = ReturnType<typeof createOutbox>

export function createOutbox({ db, bucket, store, queue, shows, clock, log }: Deps) {
  /** Blob first: a message must never be ahead of what it points at. */
  async function send(batchId: string, rows: readonly BatchRow[]): Promise<boolean> {
    await bucket.put(batchKey(batchId), rows.map((row) => JSON.stringify(row)).join('\n'))
    const job: IndexJob = { kind: 'index', batchId }
    const sent = await queue.send('jobs', [job])
    if (!sent.ok) {
      log(`batch ${batchId} waits for the sweep: ${sent.error.reason}`)
      return false
    }
    await db
      .prepare('UPDATE batches SET sent_at = ?, sends = sends + 1 WHERE batch_id = ?')
      .bind(clock(), batchId)
      .run()
    return true
  }

  const resend = async (batchId: string): Promise<boolean> =>
    send(batchId, (await store.batchItems(batchId)).map(toBatchRow))

  const markDone = (batchId: string) =>
    db.prepare("UPDATE batches SET state = 'done' WHERE batch_id = ? AND state <> 'done'").bind(batchId).run()

  /** Rows of the batch that the index shows. */
  async function countSearchable(batchId: string, index: Index | null) {
    const versions = await store.batchVersions(batchId)
    const searchable = (await shows(index, versions)).filter(Boolean).length
    return { searchable, remaining: versions.length - searchable }
  }

  return {
    /**
     * Hand a fresh batch to the worker. Never throws: whatever fails here is done by the sweep, and the rows are safe.
     */
    async dispatch(batchId: string, rows: readonly WrittenRow[], items: ReadonlyMap<string, Item>) {
      try {
        await send(
          batchId,
          rows.map((row) =>
            toBatchRow({ ...row, item: row.deleted ? null : (items.get(row.itemId) ?? null) }),
          ),
        )
      } catch (error) {
        log(`batch ${batchId} waits for the sweep: ${String(error)}`)
      }
    },

    /** State of a batch, judged by the index of this isolate; a finished one is marked so. Null when unknown. */
    async progress(batchId: string, index: Index | null): Promise<BatchReply | null> {
      const row = await db
        .prepare('SELECT state, items FROM batches WHERE batch_id = ?')
        .bind(batchId)
        .first<{ state: BatchReply['state']; items: number }>()
      if (!row) return null
      const { searchable, remaining } = await countSearchable(batchId, index)
      // Rows that a later batch wrote again are that batch's; here they count as shown once nothing else remains.
      const done = remaining === 0 && index !== null
      if (done && row.state !== 'done') await markDone(batchId)
      return {
        batchId,
        items: row.items,
        state: done ? 'done' : row.state === 'done' ? 'pending' : row.state,
        searchable: done ? row.items : searchable,
      }
    },

    /** Finish, re-send, purge. Safe to run twice at once. */
    async sweep(index: Index | null): Promise<{ done: number; resent: number }> {
      const nowMs = clock()
      const { results } = await db
        .prepare(
          `SELECT batch_id AS batchId, created_at AS createdAt, sent_at AS sentAt, sends FROM batches
           WHERE state = 'pending' ORDER BY created_at LIMIT ?`,
        )
        .bind(SWEEP_BATCHES_MAX)
        .all<PendingBatch>()
      let done = 0
      let resent = 0
      for (const batch of results) {
        if (index && (await countSearchable(batch.batchId, index)).remaining === 0) {
          await markDone(batch.batchId)
          done++
        } else if (isOverdue(batch, nowMs) && (await resend(batch.batchId))) resent++
      }
      await purge(nowMs)
      return { done, resent }
    },

    /** Put a batch back to work, after its message went to the dead letters. */
    async replay(batchId: string): Promise<boolean> {
      const { meta } = await db
        .prepare("UPDATE batches SET state = 'pending', sends = 0, sent_at = NULL WHERE batch_id = ?")
        .bind(batchId)
        .run()
      return meta.changes > 0 && (await resend(batchId))
    },

    async markDeadLetter(batchId: string, index: Index | null): Promise<'done' | 'dead-letter'> {
      if (index && (await countSearchable(batchId, index)).remaining === 0) {
        await markDone(batchId)
        return 'done'
      }
      await db
        .prepare("UPDATE batches SET state = 'dead-letter' WHERE batch_id = ? AND state = 'pending'")
        .bind(batchId)
        .run()
      return 'dead-letter'
    },

    async backlog(): Promise<{ pendingBatches: number; oldestSeconds: number }> {
      const row = await db
        .prepare("SELECT count(*) AS pending, min(created_at) AS oldest FROM batches WHERE state = 'pending'")
        .first<{ pending: number; oldest: number | null }>()
      const oldestSeconds = row?.oldest ? Math.max(0, (clock() - row.oldest) / 1_000) : 0
      return { pendingBatches: row?.pending ?? 0, oldestSeconds }
    },
  }

  async function purge(nowMs: number): Promise<void> {
    const { results } = await db
      .prepare("SELECT batch_id AS batchId FROM batches WHERE state = 'done' AND created_at < ? LIMIT ?")
      .bind(nowMs - KEEP_DONE_MS, SWEEP_BATCHES_MAX)
      .all<{ batchId: string }>()
    if (results.length === 0) return
    await bucket.delete(results.map(({ batchId }) => batchKey(batchId)))
    await db
      .prepare('DELETE FROM batches WHERE batch_id IN (SELECT value FROM json_each(?))')
      .bind(JSON.stringify(results.map(({ batchId }) => batchId)))
      .run()
  }
}

function isOverdue({ createdAt, sentAt, sends }: PendingBatch, nowMs: number): boolean {
  if (sentAt === null) return nowMs - createdAt >= UNSENT_GRACE_MS
  return nowMs - sentAt >= Math.min(RESEND_MAX_MS, RESEND_BASE_MS * 2 ** Math.max(0, sends - 1))
}

const toBatchRow = ({
  number,
  version,
  contentHash,
  duplicateOf,
  item,
}: WrittenRow & { item: Item | null }): BatchRow => ({ number, version, contentHash, duplicateOf, item })
