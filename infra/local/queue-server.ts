/**
 * @file Cloudflare Queues' REST paths on SQLite: push, pull, ack, with leases, retries and dead letters, durable on disk.
 * Source: Cloudflare API, `accounts/{account}/queues/{queue}/messages[/batch|/pull|/ack]`.
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'

/** Limits of the real service. */
const MESSAGE_BYTES_MAX = 128_000
const BATCH_MESSAGES_MAX = 100
const PULL_MESSAGES_MAX = 100
const LEASE_MS_MAX = 12 * 3_600_000
const DELAY_SECONDS_MAX = 86_400
const REQUEST_BYTES_MAX = 1_000_000

export type QueueSettings = {
  /** Deliveries after the first; then the message goes to `deadLetterQueue`, or is dropped without one. */
  retriesMax: number
  deadLetterQueue?: string
}
export type QueueServerOptions = {
  /** SQLite file; `:memory:` for tests. */
  file: string
  token: string
  queues: Record<string, QueueSettings>
  /** Unix milliseconds. */
  clock?: () => number
  port?: number
}
export type PulledMessage = {
  id: string
  leaseId: string
  attempts: number
  body: unknown
  timestampMs: number
}
export type QueueServer = {
  url: string
  port: number
  /** Same as the REST calls, in this process. */
  push(queue: string, bodies: readonly unknown[]): void
  pull(queue: string, max: number, leaseMs: number): PulledMessage[]
  settle(
    queue: string,
    done: readonly string[],
    again: readonly { leaseId: string; delaySeconds: number }[],
  ): void
  /** Messages in a queue, leased ones included. */
  depth(queue: string): number
  /** Called after messages came to a queue. */
  onPush(listener: (queue: string) => void): void
  /** Fault for tests: pushes over REST are refused with 503. */
  refusePushes(refuse: boolean): void
  close(): Promise<void>
}

const delay = z.number().min(0).max(DELAY_SECONDS_MAX)
const Push = z.object({
  body: z.unknown(),
  content_type: z.enum(['json', 'text']).default('json'),
  delay_seconds: delay.optional(),
})
const PushBatch = z.object({
  messages: z.array(Push).min(1).max(BATCH_MESSAGES_MAX),
  delay_seconds: delay.optional(),
})
const Pull = z.object({
  batch_size: z.number().int().min(1).max(PULL_MESSAGES_MAX).default(5),
  visibility_timeout_ms: z.number().int().min(0).max(LEASE_MS_MAX).default(30_000),
})
const Lease = z.object({ lease_id: z.string() })
const Ack = z.object({
  acks: z.array(Lease).default([]),
  retries: z.array(Lease.extend({ delay_seconds: delay.optional() })).default([]),
})

type Row = { id: string; queue: string; body: string; time: number; attempts: number }

export async function startQueueServer(options: QueueServerOptions): Promise<QueueServer> {
  const { file, token, queues, clock = Date.now, port = 0 } = options
  const store = openStore(file, queues, clock)
  const listeners: ((queue: string) => void)[] = []
  let refusing = false
  const pushed = (queue: string) => {
    for (const listener of listeners) listener(queue)
  }

  const handle = (queue: string, action: string, body: unknown): unknown => {
    if (action === 'pull') {
      const { batch_size, visibility_timeout_ms } = Pull.parse(body)
      return { messages: store.pull(queue, batch_size, visibility_timeout_ms).map(toWire) }
    }
    if (action === 'ack') {
      const { acks, retries } = Ack.parse(body)
      return store.settle(
        queue,
        acks.map(({ lease_id }) => lease_id),
        retries.map(({ lease_id, delay_seconds = 0 }) => ({
          leaseId: lease_id,
          delaySeconds: delay_seconds,
        })),
      )
    }
    const messages = action === 'batch' ? PushBatch.parse(body).messages : [Push.parse(body)]
    store.push(
      queue,
      messages.map((message) => ({ body: message.body, delaySeconds: message.delay_seconds ?? 0 })),
    )
    pushed(queue)
    return {}
  }

  const server = createServer(async (request, reply) => {
    const answer = (status: number, result: unknown, error?: string) => {
      reply.writeHead(status, { 'content-type': 'application/json' })
      const errors = error === undefined ? [] : [{ code: status, message: error }]
      reply.end(JSON.stringify({ success: error === undefined, errors, messages: [], result }))
    }
    try {
      const path = /^\/accounts\/[^/]+\/queues\/([^/]+)\/messages(?:\/(batch|pull|ack))?$/.exec(
        request.url ?? '',
      )
      const [, queue = '', action = 'push'] = path ?? []
      if (!path || request.method !== 'POST') return answer(404, null, 'no such path')
      if (!isEqual(request.headers.authorization ?? '', `Bearer ${token}`))
        return answer(401, null, 'wrong token')
      if (!Object.hasOwn(queues, queue)) return answer(404, null, `no queue named ${queue}`)
      const text = await readText(request)
      if (refusing && (action === 'push' || action === 'batch'))
        return answer(503, null, 'pushes are refused')
      answer(200, handle(queue, action, text === '' ? {} : JSON.parse(text)))
    } catch (error) {
      const isBad = error instanceof z.ZodError || error instanceof SyntaxError || error instanceof RangeError
      answer(isBad ? 400 : 500, null, error instanceof Error ? error.message : String(error))
    }
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const taken = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    push(queue, bodies) {
      store.push(
        queue,
        bodies.map((body) => ({ body, delaySeconds: 0 })),
      )
      pushed(queue)
    },
    pull: store.pull,
    settle: store.settle,
    depth: store.depth,
    onPush: (listener) => void listeners.push(listener),
    refusePushes(refuse) {
      refusing = refuse
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      store.close()
    },
  }
}

/** The queue itself. A lease is the row's `lease` until `visible_at`; after that the message is anyone's again. */
function openStore(file: string, queues: QueueServerOptions['queues'], clock: () => number) {
  const db = new DatabaseSync(file)
  db.exec(`
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = normal;
    CREATE TABLE IF NOT EXISTS messages (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, queue TEXT NOT NULL, body TEXT NOT NULL,
      time INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, visible_at INTEGER NOT NULL, lease TEXT UNIQUE
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_by_queue ON messages (queue, visible_at, sequence);`)
  const insert = db.prepare('INSERT INTO messages (id, queue, body, time, visible_at) VALUES (?, ?, ?, ?, ?)')
  const expired = db.prepare(
    'SELECT * FROM messages WHERE queue = ? AND lease IS NOT NULL AND visible_at <= ?',
  )
  const ready = db.prepare(
    'SELECT * FROM messages WHERE queue = ? AND lease IS NULL AND visible_at <= ? ORDER BY sequence LIMIT ?',
  )
  const lease = db.prepare(
    'UPDATE messages SET lease = ?, attempts = attempts + 1, visible_at = ? WHERE sequence = ?',
  )
  const byLease = db.prepare('SELECT * FROM messages WHERE queue = ? AND lease = ?')
  const remove = db.prepare('DELETE FROM messages WHERE sequence = ?')
  const free = db.prepare('UPDATE messages SET lease = NULL, visible_at = ? WHERE sequence = ?')
  const move = db.prepare(
    'UPDATE messages SET queue = ?, attempts = 0, lease = NULL, visible_at = ? WHERE sequence = ?',
  )
  const count = db.prepare('SELECT count(*) AS depth FROM messages WHERE queue = ?')
  type Stored = Row & { sequence: number }

  const transaction = <T>(work: () => T): T => {
    db.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      db.exec('COMMIT')
      return result
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }
  /** A delivery that failed: again later, or to the dead letters. */
  const giveBack = (row: Stored, delaySeconds: number) => {
    const { retriesMax, deadLetterQueue } = queues[row.queue] ?? { retriesMax: 0 }
    if (row.attempts <= retriesMax) free.run(clock() + delaySeconds * 1_000, row.sequence)
    else if (deadLetterQueue === undefined) remove.run(row.sequence)
    else move.run(deadLetterQueue, clock(), row.sequence)
  }

  return {
    push(queue: string, messages: readonly { body: unknown; delaySeconds: number }[]): void {
      transaction(() => {
        for (const { body, delaySeconds } of messages) {
          const text = JSON.stringify(body) ?? 'null'
          if (Buffer.byteLength(text) > MESSAGE_BYTES_MAX)
            throw new RangeError(`a message has at most ${MESSAGE_BYTES_MAX} bytes`)
          insert.run(randomUUID(), queue, text, clock(), clock() + delaySeconds * 1_000)
        }
      })
    },
    pull(queue: string, max: number, leaseMs: number): PulledMessage[] {
      return transaction(() => {
        const now = clock()
        for (const row of expired.all(queue, now)) giveBack(row as unknown as Stored, 0)
        return (ready.all(queue, now, max) as unknown as Stored[]).map((row) => {
          const leaseId = randomUUID()
          lease.run(leaseId, now + leaseMs, row.sequence)
          return {
            id: row.id,
            leaseId,
            attempts: row.attempts + 1,
            body: JSON.parse(row.body) as unknown,
            timestampMs: row.time,
          }
        })
      })
    },
    /** Leases that ended are ignored, as the real service does: the message is someone else's. */
    settle(
      queue: string,
      done: readonly string[],
      again: readonly { leaseId: string; delaySeconds: number }[],
    ) {
      return transaction(() => {
        const held = (leaseId: string) => byLease.get(queue, leaseId) as unknown as Stored | undefined
        let ackCount = 0
        let retryCount = 0
        for (const leaseId of done) {
          const row = held(leaseId)
          if (!row) continue
          remove.run(row.sequence)
          ackCount++
        }
        for (const { leaseId, delaySeconds } of again) {
          const row = held(leaseId)
          if (!row) continue
          giveBack(row, delaySeconds)
          retryCount++
        }
        return { ackCount, retryCount, warnings: {} }
      })
    },
    depth: (queue: string) => Number(count.get(queue)!['depth']),
    close: () => db.close(),
  }
}

const toWire = (message: PulledMessage) => ({
  id: message.id,
  lease_id: message.leaseId,
  attempts: message.attempts,
  timestamp_ms: message.timestampMs,
  body: Buffer.from(JSON.stringify(message.body)).toString('base64'),
  metadata: { 'CF-Content-Type': 'json' },
})

function isEqual(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > REQUEST_BYTES_MAX) throw new RangeError(`a request has at most ${REQUEST_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
