/** @file API keys: who is calling, and may they? Keys are stored as SHA-256 hashes only. */
import type { MiddlewareHandler } from 'hono'
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import type { StageTimer } from '../ranking/stages.ts'
import type { AppEnv, Scope } from './app.ts'
import { ProblemError } from './problem.ts'
import { PERIOD_SECONDS } from './rate-limit.ts'

/** A key is believed this long without asking D1 again; so long a revoked key may live on in an isolate. */
export const KEY_CACHE_SECONDS = 60
/** Unknown keys are remembered shortly, so that a wrong client does not cost a query for each call. */
export const UNKNOWN_KEY_CACHE_SECONDS = 5
const CACHED_KEYS_MAX = 1_000
const KEY_CHARS_MAX = 200

export type KeyRow = { keyHash: string; keyId: string; scope: Scope; expiresAt: number | null }
/** Looks up a key by the hash of its text. */
export type FindKey = (keyHash: string) => Promise<KeyRow | null>

export function findKeyInD1(db: D1Database): FindKey {
  return (keyHash) =>
    db
      .prepare(
        'SELECT key_hash AS keyHash, key_id AS keyId, scope, expires_at AS expiresAt FROM api_keys WHERE key_hash = ?',
      )
      .bind(keyHash)
      .first<KeyRow>()
}

export type Caller = { keyId: string; scope: Scope }
export type Authenticate = (authorization: string | undefined) => Promise<Result<Caller, Problem>>

/** @param clock unix milliseconds */
export function createAuthenticate(findKey: FindKey, clock: () => number): Authenticate {
  // By the key itself: a digest for each call would cost more than all the rest of it. A Map finds by a seeded hash, so that
  // its timing tells nothing of how much of a key was guessed right.
  const cache = new Map<string, { row: KeyRow | null; untilMs: number }>()

  async function lookUp(key: string): Promise<KeyRow | null> {
    // In the store the look-up is by hash, so its timing tells nothing about how much of a key was guessed right; the
    // comparison guards against a store that matches loosely (collation, prefix).
    const keyHash = await sha256Hex(key)
    const found = await findKey(keyHash)
    const row = found && equalInConstantTime(found.keyHash, keyHash) ? found : null
    const seconds = row ? KEY_CACHE_SECONDS : UNKNOWN_KEY_CACHE_SECONDS
    cache.delete(key)
    cache.set(key, { row, untilMs: clock() + seconds * 1_000 })
    // A Map keeps insertion order: the first key is the oldest entry.
    if (cache.size > CACHED_KEYS_MAX) cache.delete(cache.keys().next().value!)
    return row
  }

  return async (authorization) => {
    const key = /^Bearer\s+(\S+)\s*$/i.exec(authorization ?? '')?.[1]
    if (key === undefined) return err({ kind: 'unauthorized', reason: 'missing' })
    if (key.length > KEY_CHARS_MAX) return err({ kind: 'unauthorized', reason: 'unknown' })
    const cached = cache.get(key)
    const row = cached && cached.untilMs > clock() ? cached.row : await lookUp(key)
    if (row === null) return err({ kind: 'unauthorized', reason: 'unknown' })
    if (row.expiresAt !== null && row.expiresAt <= clock()) {
      return err({ kind: 'unauthorized', reason: 'expired' })
    }
    return ok({ keyId: row.keyId, scope: row.scope })
  }
}

/** Whether two texts are equal, in a time that depends on their lengths only. */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = new TextEncoder().encode(a)
  const right = new TextEncoder().encode(b)
  let difference = left.length ^ right.length
  for (let index = 0; index < left.length; index++) {
    difference |= left[index]! ^ (right[index % Math.max(1, right.length)] ?? 0)
  }
  return difference === 0
}

/** Which calls a public key may make; everything else under /v1 needs a secret key. */
const PUBLIC_CALLS: readonly [method: string, path: RegExp][] = [
  ['GET', /^\/v1\/search$/],
  ['GET', /^\/v1\/suggest$/],
  ['GET', /^\/v1\/recommendations$/],
  ['GET', /^\/v1\/items\/[^/]+\/similar$/],
  ['POST', /^\/v1\/events$/],
]

/** The scope that a call needs. `path` as it stands in the URL, still percent-encoded. */
export function neededScope(method: string, path: string): Scope {
  const verb = method === 'HEAD' ? 'GET' : method
  return PUBLIC_CALLS.some(([m, pattern]) => m === verb && pattern.test(path)) ? 'public' : 'secret'
}

export type GuardDeps = {
  authenticate: Authenticate
  rateLimit: RateLimit
  /** The times of a new request. */
  startStages: () => StageTimer
}

/** Lets a request pass when its key is known, in its rate and of the right scope; sets `keyId`, `scope` and `stages`. */
export const guard =
  ({ authenticate, rateLimit, startStages }: GuardDeps): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const stages = startStages()
    c.set('stages', stages)
    stages.begin('auth')
    const caller = await authenticate(c.req.header('authorization'))
    if (!caller.ok) throw new ProblemError(caller.error)
    c.set('keyId', caller.value.keyId)
    c.set('scope', caller.value.scope)
    if (!(await rateLimit.limit({ key: caller.value.keyId })).success) {
      throw new ProblemError({ kind: 'rate-limited', retryAfterSeconds: PERIOD_SECONDS })
    }
    const needed = neededScope(c.req.method, new URL(c.req.url).pathname)
    if (needed === 'secret' && caller.value.scope !== 'secret') {
      throw new ProblemError({ kind: 'forbidden', needed })
    }
    stages.end()
    await next()
  }
