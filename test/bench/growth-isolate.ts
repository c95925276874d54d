/** @file An isolate of the edge in a Node process: the deployed bundle, bindings that need no platform, and what it holds in memory. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Bindings } from '../../functions/env.ts'
import type { createEdge } from '../../functions/index.ts'
import type { ReadBucket } from '../../functions/ranking/index-holder.ts'
import type { Shard } from '../../functions/ranking/shard.ts'
import { bundleEdge, PROJECT_ROOT } from '../../infra/local/bundle.ts'
import { assert } from '../../shared/lib/result.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'

/** For processes that are an isolate: memory can be counted, and code that does not run is not given up meanwhile. */
export const NODE_FLAGS = ['--expose-gc', '--no-flush-bytecode', '--disable-warning=ExperimentalWarning']
const MAIN = 'index.js'
const WORKERS_MODULE =
  'export class DurableObject { constructor(ctx, env) { this.ctx = ctx; this.env = env } }'
/** Collections until nothing more is freed, and the time between in which array buffers are swept. */
const COLLECTIONS = 4
const SWEEP_MS = 20

export type Bundle = {
  createEdge: typeof createEdge
  SearchShard: new (state: unknown, env: { BUCKET: ReadBucket }) => Shard
}

/** Write the deployed bundle where other processes can import it. */
export async function writeBundle(folder: string): Promise<void> {
  for (const { path, contents } of await bundleEdge()) writeFileSync(join(folder, path), contents)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
}

/** The modules of the bundle as workerd would hand them over. To be called once in a process. */
export async function importBundle(folder: string): Promise<Bundle> {
  const moduleOf = (url: string): string | null => {
    if (/\.wasm$/.test(url))
      return "import { readFileSync } from 'node:fs'; export default new WebAssembly.Module(readFileSync(new URL(import.meta.url)))"
    if (/\.(css|client\.js)$/.test(url))
      return `export default ${JSON.stringify(readFileSync(fileURLToPath(url), 'utf8'))}`
    return null
  }
  registerHooks({
    resolve: (name, context, next) =>
      name === 'cloudflare:workers'
        ? { url: `data:text/javascript,${encodeURIComponent(WORKERS_MODULE)}`, shortCircuit: true }
        : next(name, context),
    load(url, context, next) {
      const source = moduleOf(url)
      return source === null ? next(url, context) : { format: 'module', source, shortCircuit: true }
    },
  })
  // Looked at when the edge is made, and used by what reads ranges: nothing here does.
  Object.assign(globalThis, { caches: { default: {} } })
  Object.assign(crypto, { DigestStream })
  return (await import(pathToFileURL(join(folder, MAIN)).href)) as Bundle
}

/** As workerd's. */
class DigestStream extends WritableStream<Uint8Array> {
  readonly digest: Promise<ArrayBuffer>
  constructor(algorithm: 'SHA-256') {
    const hash = createHash(algorithm)
    let finish: (digest: ArrayBuffer) => void
    super({
      write: (bytes) => void hash.update(bytes),
      close: () => finish(new Uint8Array(hash.digest()).buffer),
    })
    this.digest = new Promise((resolve) => {
      finish = resolve
    })
  }
}

export type CountedBucket = { bucket: ReadBucket; fetchedBytes(): number }

type Options = { onlyIf?: { etagDoesNotMatch: string }; range?: { offset: number; length: number } }

/** R2 over what `read` gives: a buffer is handed on, not copied, as a body that was streamed in is not. */
export function createBucket(read: (key: string) => Uint8Array | undefined): CountedBucket {
  let fetched = 0
  return {
    bucket: {
      async get(key, options?: Options) {
        // Nothing changes while it is measured.
        if (options?.onlyIf?.etagDoesNotMatch === key) return { etag: key, size: 0 }
        const bytes = read(key)
        if (!bytes) return null
        const { offset, length } = options?.range ?? { offset: 0, length: bytes.length }
        const part = bytes.subarray(offset, offset + length)
        fetched += part.length
        const found = {
          ...{ etag: key, size: bytes.length, arrayBuffer: async () => wholeBuffer(part) },
          get body() {
            return streamOf(part)
          },
        }
        return found
      },
    },
    fetchedBytes: () => fetched,
  }
}

const wholeBuffer = (bytes: Uint8Array): ArrayBuffer =>
  bytes.length === bytes.buffer.byteLength
    ? (bytes.buffer as ArrayBuffer)
    : (bytes.slice().buffer as ArrayBuffer)

/** Bytes for readers that bring their own buffers. */
function streamOf(bytes: Uint8Array): ReadableStream {
  let from = 0
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const { byobRequest } = controller
      if (from === bytes.length) {
        controller.close()
        byobRequest?.respond(0)
        return
      }
      if (!byobRequest?.view) {
        controller.enqueue(bytes.slice(from))
        from = bytes.length
        return
      }
      const { buffer, byteOffset, byteLength } = byobRequest.view
      const piece = bytes.subarray(from, from + byteLength)
      new Uint8Array(buffer, byteOffset, byteLength).set(piece)
      from += piece.length
      byobRequest.respond(piece.length)
    },
  })
}

/** Objects of a folder: read when they are asked for, or all before, each then to be had once. */
export function openObjects(
  folder: string,
  preloaded: readonly string[],
): (key: string) => Uint8Array | undefined {
  const load = (key: string) => new Uint8Array(readFileSync(join(folder, key)))
  const held = new Map(preloaded.map((key) => [key, load(key)]))
  return (key) => {
    const bytes = held.get(key) ?? (key.startsWith('segments/') ? load(key) : undefined)
    held.delete(key)
    return bytes
  }
}

/** D1's calls on SQLite, with the tables of the migrations and one secret key. */
export async function openDatabase(key: string): Promise<Bindings['DB']> {
  const database = new DatabaseSync(':memory:')
  const migrations = join(PROJECT_ROOT, 'infra/migrations')
  for (const name of readdirSync(migrations).sort())
    database.exec(readFileSync(join(migrations, name), 'utf8'))
  database
    .prepare('INSERT INTO api_keys (key_hash, key_id, scope, created_at) VALUES (?, ?, ?, 0)')
    .run(await sha256Hex(key), 'bench', 'secret')
  const statement = (sql: string, values: string[] = []) => ({
    bind: (...bound: string[]) => statement(sql, bound),
    first: async () => database.prepare(sql).get(...values) ?? null,
    all: async () => ({ results: database.prepare(sql).all(...values) }),
  })
  return { prepare: statement } as unknown as Bindings['DB']
}

/** Bytes of the heap, and of array buffers and WebAssembly memories outside of it. */
export type Held = { heap: number; outside: number }

/** What this isolate holds. Needs `--expose-gc`. */
export async function heldBytes(): Promise<Held> {
  assert(globalThis.gc, 'started with --expose-gc')
  for (let round = 0; round < COLLECTIONS; round++) {
    globalThis.gc()
    await wait(SWEEP_MS)
  }
  const { heapUsed, external } = process.memoryUsage()
  return { heap: heapUsed, outside: external }
}
/** What it holds beyond that. */
export async function heldSince(before: Held): Promise<Held> {
  const { heap, outside } = await heldBytes()
  return { heap: heap - before.heap, outside: outside - before.outside }
}
