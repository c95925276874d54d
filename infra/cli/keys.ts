/** @file `aisle keys create`: a new API key, and the row that makes a deployment know it. The key is shown once. */
import { randomBytes } from 'node:crypto'
import { sha256Hex } from '../../shared/lib/sha256.ts'

const DAY_MS = 86_400_000

export async function createKey(scope: 'public' | 'secret', expiresDays: number | undefined, nowMs: number) {
  const key = `aisle_${scope}_${randomBytes(24).toString('base64url')}`
  const keyId = `${scope}-${randomBytes(4).toString('hex')}`
  const expiresAt = expiresDays === undefined ? 'NULL' : String(nowMs + expiresDays * DAY_MS)
  const hash = await sha256Hex(key)
  const sql =
    'INSERT INTO api_keys (key_hash, key_id, scope, created_at, expires_at) ' +
    `VALUES ('${hash}', '${keyId}', '${scope}', ${nowMs}, ${expiresAt});`
  return { key, keyId, scope, sql }
}
