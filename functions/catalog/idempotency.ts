/** @file `Idempotency-Key`: a call that is repeated gets the first answer again. Source: draft-ietf-httpapi-idempotency-key-header. */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import type { Problem } from '../../shared/schema/problem.ts'

export const IDEMPOTENCY_KEY_CHARS_MAX = 255
/** How long an answer is kept; the sweep removes older ones. */
export const IDEMPOTENCY_KEEP_MS = 24 * 3_600_000

export type Idempotency = ReturnType<typeof createIdempotency>

export function createIdempotency(db: D1Database, clock: () => number) {
  return {
    /**
     * Run `work` unless this key has an answer already. An answer is kept after the work: two calls at the very same time
     * both work, which item writes bear (they are keyed by id and content).
     */
    async once<T>(
      key: string | undefined,
      body: string,
      work: () => Promise<T>,
    ): Promise<Result<{ reply: T; replayed: boolean }, Problem>> {
      if (key === undefined) return ok({ reply: await work(), replayed: false })
      const requestHash = await sha256Hex(body)
      const known = await db
        .prepare('SELECT request_hash AS requestHash, reply FROM idempotency WHERE idempotency_key = ?')
        .bind(key)
        .first<{ requestHash: string; reply: string }>()
      if (known && known.requestHash !== requestHash)
        return err({ kind: 'conflict', detail: 'This Idempotency-Key was used for another body.' })
      if (known) return ok({ reply: JSON.parse(known.reply) as T, replayed: true })
      const reply = await work()
      await db
        .prepare(
          'INSERT OR IGNORE INTO idempotency (idempotency_key, request_hash, reply, created_at) VALUES (?, ?, ?, ?)',
        )
        .bind(key, requestHash, JSON.stringify(reply), clock())
        .run()
      return ok({ reply, replayed: false })
    },
    async purge(): Promise<void> {
      await db
        .prepare('DELETE FROM idempotency WHERE created_at < ?')
        .bind(clock() - IDEMPOTENCY_KEEP_MS)
        .run()
    },
  }
}
