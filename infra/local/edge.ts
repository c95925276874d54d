/** @file The edge on this machine: the deployed bundle in workerd, with D1 and R2 on disk. R2's S3 interface comes with it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { bundleEdge, PROJECT_ROOT } from './bundle.ts'
import { childrenNamed, ensureEnded } from './processes.ts'

const WORKER = 'aisle'
/** Of the Worker, as the inspector names it. */
export const EDGE_ISOLATE = `core:user:${WORKER}`
export const BUCKET = 'aisle'
const COMPATIBILITY_DATE = '2026-10-01'

export type EdgeOptions = {
  stateDir: string
  port: number
  /** Variables and secrets of the Worker. */
  variables: Record<string, string>
  s3Credentials: { accessKeyId: string; secretAccessKey: string }
  /** Opens workerd's inspector, for profiles: `http://127.0.0.1:{port}/json`. It slows the edge down. */
  inspectorPort?: number | undefined
}
export type KeyRow = { keyHash: string; keyId: string; scope: 'public' | 'secret' }
export type LocalEdge = {
  url: string
  /** `{s3Url}/{bucket}/{key}` speaks S3, signed with `s3Credentials`. */
  s3Url: string
  /** Of the workerd process; undefined where the platform does not tell. */
  pid: number | undefined
  putKeys(keys: readonly KeyRow[]): Promise<void>
  putBlob(key: string, bytes: Uint8Array): Promise<void>
  deliver(queue: string, messages: readonly Delivery[]): Promise<DeliveryOutcome>
  runCron(): Promise<void>
  close(): Promise<void>
}
export type Delivery = { id: string; timestampMs: number; attempts: number; body: unknown }
export type DeliveryOutcome = {
  ackAll: boolean
  retryAll: boolean
  acks: string[]
  retries: { id: string; delaySeconds: number }[]
}

export async function startEdge({
  stateDir,
  port,
  variables,
  s3Credentials,
  inspectorPort,
}: EdgeOptions): Promise<LocalEdge> {
  const modules = await bundleEdge()
  const before = childrenNamed('workerd')
  const options = convertV4MiniflareOptions({
    host: '127.0.0.1',
    port: 0,
    log: new Log(LogLevel.NONE),
    cf: false,
    telemetry: { enabled: false },
    ...(inspectorPort === undefined ? {} : { inspectorPort }),
    resourcePersistencePath: join(stateDir, 'edge'),
    workers: [
      {
        name: WORKER,
        compatibilityDate: COMPATIBILITY_DATE,
        modules: modules.map(({ type, path, contents }) => ({ type, path, contents })),
        bindings: variables,
        // No RATE_LIMIT: Miniflare's writes to SQLite at each call, .6 ms; the isolate counts for itself.
        d1Databases: { DB: WORKER },
        durableObjects: { SHARDS: { className: 'SearchShard', useSQLite: true } },
        r2Buckets: { BUCKET: { id: BUCKET, s3Credentials } },
        unsafeDirectSockets: [{ host: '127.0.0.1', port }],
      },
    ],
  })
  const miniflare = keepingSignals(() => new Miniflare(options))
  const entry = await miniflare.ready
  const url = await miniflare.unsafeGetDirectURL(WORKER)
  const db = await miniflare.getD1Database('DB', WORKER)
  await migrate(db as unknown as D1Database)
  const worker = await miniflare.getWorker(WORKER)
  const pid = childrenNamed('workerd').find((child) => !before.includes(child))
  return {
    url: url.origin,
    s3Url: new URL('/cdn-cgi/local/r2/s3', entry).href,
    pid,
    async putKeys(keys) {
      for (const { keyHash, keyId, scope } of keys)
        await db
          .prepare(
            'INSERT INTO api_keys (key_hash, key_id, scope, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
          )
          .bind(keyHash, keyId, scope, Date.now())
          .run()
    },
    async putBlob(key, bytes) {
      const bucket = await miniflare.getR2Bucket('BUCKET', WORKER)
      await bucket.put(key, bytes)
    },
    async deliver(queue, messages) {
      const result = await worker.queue(
        queue,
        messages.map(({ id, timestampMs, attempts, body }) => ({
          id,
          timestamp: new Date(timestampMs),
          attempts,
          body,
        })),
      )
      if (result.outcome !== 'ok') throw new Error(`the queue consumer ended with "${result.outcome}"`)
      return {
        ackAll: result.ackAll,
        retryAll: result.retryBatch.retry,
        acks: result.explicitAcks,
        retries: result.retryMessages.map(({ msgId, delaySeconds = 0 }) => ({ id: msgId, delaySeconds })),
      }
    },
    async runCron() {
      await worker.scheduled({ cron: '* * * * *' })
    },
    async close() {
      await miniflare.dispose()
      if (pid !== undefined) await ensureEnded(pid)
    },
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Miniflare would end this process on the first signal; stopping in order is the stack's business. */
function keepingSignals<T>(create: () => T): T {
  const before = SIGNALS.map((signal) => process.listeners(signal))
  const made = create()
  SIGNALS.forEach((signal, at) => {
    for (const listener of process.listeners(signal))
      if (!before[at]!.includes(listener)) process.removeListener(signal, listener)
  })
  return made
}

/** Migrations that are not in the database yet, noted in the table that `wrangler d1 migrations` uses. */
async function migrate(db: D1Database): Promise<void> {
  await db
    .prepare(
      `CREATE TABLE IF NOT EXISTS d1_migrations (
         id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`,
    )
    .run()
  const { results } = await db.prepare('SELECT name FROM d1_migrations').all<{ name: string }>()
  const applied = new Set(results.map(({ name }) => name))
  const folder = join(PROJECT_ROOT, 'infra/migrations')
  for (const name of readdirSync(folder).sort()) {
    if (applied.has(name)) continue
    const statements = splitStatements(readFileSync(join(folder, name), 'utf8'))
    await db.batch([
      ...statements.map((statement) => db.prepare(statement)),
      db.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name),
    ])
  }
}

/** One statement ends with a line that ends in ";"; a trigger goes on to its "END;". */
export function splitStatements(sql: string): string[] {
  const statements: string[] = []
  let current = ''
  for (const line of sql.split('\n')) {
    const code = line.replace(/--.*$/, '').trimEnd()
    if (code.trim() === '') continue
    current += `${code}\n`
    const isTrigger = /^\s*CREATE\s+TRIGGER/i.test(current)
    if (isTrigger ? /^END;$/i.test(code.trim()) : code.endsWith(';')) {
      statements.push(current)
      current = ''
    }
  }
  return current.trim() === '' ? statements : [...statements, current]
}
