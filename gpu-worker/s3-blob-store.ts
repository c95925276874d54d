/** @file The bucket over R2's S3 interface. Requests are signed (SigV4) by aws4fetch. */
import { AwsClient } from 'aws4fetch'
import type { BlobStore } from './blob-store.ts'

export type S3Options = { endpoint: string; bucket: string; accessKeyId: string; secretAccessKey: string }
const REQUEST_TIMEOUT_MS = 60_000
const RETRIES = 3
const PAGE_KEYS = 1_000
const PAGES_MAX = 1_000

export function createS3BlobStore({ endpoint, bucket, accessKeyId, secretAccessKey }: S3Options): BlobStore {
  // Conditional writes are safe to repeat: a repeat that lost to our own first try reads as a lost race and is planned again.
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    region: 'auto',
    service: 's3',
    retries: RETRIES,
  })
  const request = (key: string, init: RequestInit) =>
    client.fetch(`${endpoint}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`, {
      ...init,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
  const etagOf = (reply: Response): string => {
    const etag = reply.headers.get('etag')
    if (!etag) throw new Error('The bucket gave no etag')
    return etag
  }
  return {
    async get(key) {
      const reply = await request(key, { method: 'GET' })
      if (reply.status === 404) {
        await reply.body?.cancel()
        return null
      }
      if (!reply.ok) throw new Error(`The bucket answered ${reply.status} to GET ${key}`)
      return { bytes: new Uint8Array(await reply.arrayBuffer()), etag: etagOf(reply) }
    },
    async put(key, bytes, condition = {}) {
      const headers: Record<string, string> = { 'content-length': String(bytes.length) }
      if (condition.ifMatch) headers['if-match'] = condition.ifMatch
      if (condition.ifNoneMatch) headers['if-none-match'] = condition.ifNoneMatch
      const reply = await request(key, { method: 'PUT', headers, body: bytes as Uint8Array<ArrayBuffer> })
      await reply.body?.cancel()
      if (reply.status === 412 || reply.status === 409) return { ok: false }
      if (!reply.ok) throw new Error(`The bucket answered ${reply.status} to PUT ${key}`)
      return { ok: true, etag: etagOf(reply) }
    },
    async delete(key) {
      const reply = await request(key, { method: 'DELETE' })
      await reply.body?.cancel()
      if (!reply.ok && reply.status !== 404)
        throw new Error(`The bucket answered ${reply.status} to DELETE ${key}`)
    },
    async list(prefix) {
      const keys: string[] = []
      for (let page = 0; page < PAGES_MAX; page++) {
        const after = keys.length > 0 ? `&start-after=${encodeURIComponent(keys.at(-1)!)}` : ''
        const query = `list-type=2&max-keys=${PAGE_KEYS}&prefix=${encodeURIComponent(prefix)}${after}`
        const reply = await client.fetch(`${endpoint}/${bucket}?${query}`, {
          signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        })
        if (!reply.ok) throw new Error(`The bucket answered ${reply.status} to a list of ${prefix}`)
        const found = [...(await reply.text()).matchAll(/<Key>([^<]*)<\/Key>/g)]
        keys.push(...found.map((match) => unescapeXml(match[1]!)))
        if (found.length < PAGE_KEYS) return keys
      }
      throw new Error(`More than ${PAGES_MAX * PAGE_KEYS} objects start with ${prefix}`)
    },
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const unescapeXml = (text: string): string =>
  text.replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole)
