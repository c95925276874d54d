/** @file Queue messages that failed too often, kept until a person has mended the cause and replays them. */

import { err, ok, type Result } from '../../shared/lib/result.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { IndexJob } from '../../shared/schema/jobs.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import type { QueueName, QueueSender } from '../queue-sender.ts'
import type { Outbox } from './outbox.ts'

export type DeadLetter = {
  id: string
  queue: string
  body: unknown
  reason: string
  receivedAt: number
  replayedAt: number | null
}
type Row = Omit<DeadLetter, 'body'> & { body: string }

export type DeadLetters = ReturnType<typeof createDeadLetters>

export function createDeadLetters(deps: {
  db: D1Database
  outbox: Outbox
  queue: QueueSender
  clock: () => number
}) {
  const { db, outbox, queue, clock } = deps
  const SELECT = `SELECT dead_letter_id AS id, queue, body, reason, received_at AS receivedAt, replayed_at AS replayedAt
                  FROM dead_letters`
  const toDeadLetter = (row: Row): DeadLetter => ({ ...row, body: JSON.parse(row.body) as unknown })

  return {
    /** Keep a message. A job whose items are searchable after all (a late copy) is not kept. */
    async keep(letter: { id: string; queue: QueueName; body: unknown; reason: string }, index: Index | null) {
      const job = IndexJob.safeParse(letter.body)
      if (job.success && (await outbox.markDeadLetter(job.data.batchId, index)) === 'done') return
      await db
        .prepare(
          'INSERT OR IGNORE INTO dead_letters (dead_letter_id, queue, body, reason, received_at) VALUES (?, ?, ?, ?, ?)',
        )
        .bind(letter.id, letter.queue, JSON.stringify(letter.body) ?? 'null', letter.reason, clock())
        .run()
    },

    /** Newest first; replayed ones stay in the list with their time. */
    async list(limit: number): Promise<DeadLetter[]> {
      const { results } = await db
        .prepare(`${SELECT} ORDER BY received_at DESC, dead_letter_id LIMIT ?`)
        .bind(limit)
        .all<Row>()
      return results.map(toDeadLetter)
    },

    /** Give the message back to its queue. */
    async replay(id: string): Promise<Result<DeadLetter, Problem>> {
      const row = await db.prepare(`${SELECT} WHERE dead_letter_id = ?`).bind(id).first<Row>()
      if (!row) return err({ kind: 'not-found', what: `dead letter "${id}"` })
      const letter = toDeadLetter(row)
      const job = IndexJob.safeParse(letter.body)
      const sent =
        job.success && (await outbox.replay(job.data.batchId))
          ? ok(undefined)
          : await queue.send(letter.queue as QueueName, [letter.body])
      if (!sent.ok) return err({ kind: 'upstream-failed', upstream: 'the queue', reason: sent.error.reason })
      const replayedAt = clock()
      await db
        .prepare('UPDATE dead_letters SET replayed_at = ? WHERE dead_letter_id = ?')
        .bind(replayedAt, id)
        .run()
      return ok({ ...letter, replayedAt })
    },

    async waiting(): Promise<number> {
      const row = await db
        .prepare('SELECT count(*) AS waiting FROM dead_letters WHERE replayed_at IS NULL')
        .first<{ waiting: number }>()
      return row?.waiting ?? 0
    },
  }
}
