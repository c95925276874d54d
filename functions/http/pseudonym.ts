/** @file Shopper ids never rest anywhere: this turns one into its pseudonym before anything is stored, sent or logged. */
import { toHex } from '../../shared/lib/sha256.ts'
import type { Secret } from '../env.ts'

export const PSEUDONYM_CHARS = 32

/**
 * HMAC-SHA-256 of the shopper's id, first 128 bits as 32 hex digits. Without the secret it can neither be undone nor
 * recomputed from a list of known ids. Source: RFC 2104.
 */
export type PseudonymOf = (userId: string) => Promise<string>

export function createPseudonymOf(secret: Secret): PseudonymOf {
  // Imported at the first call: workerd allows no asynchronous work while a Worker starts.
  let key: Promise<CryptoKey> | undefined
  return async (userId) => {
    key ??= crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode(secret.reveal()),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    )
    const signature = await crypto.subtle.sign('HMAC', await key, new TextEncoder().encode(userId))
    return toHex(new Uint8Array(signature)).slice(0, PSEUDONYM_CHARS)
  }
}
