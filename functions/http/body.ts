/** @file Reading request bodies under a limit, and parsing the two list forms: a JSON array and NDJSON. */
import type { Context } from 'hono'
import type { AppEnv } from './app.ts'
import { ProblemError } from './problem.ts'

/**
 * The whole body as text, or a thrown `too-large` problem as soon as the limit is passed, so that an oversized upload
 * is never held in memory. Invalid UTF-8 becomes U+FFFD.
 */
export async function readText(c: Context<AppEnv>, bytesMax: number): Promise<string> {
  const tooLarge = () => new ProblemError({ kind: 'too-large', limit: `${formatBytes(bytesMax)} a call` })
  // Also without a body to read: the declared length is enough to say no.
  if (Number(c.req.header('content-length') ?? 0) > bytesMax) throw tooLarge()
  if (c.req.raw.body === null) return ''

  const decoder = new TextDecoder()
  const reader = c.req.raw.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > bytesMax) {
      await reader.cancel()
      throw tooLarge()
    }
    text += decoder.decode(value, { stream: true })
  }
}

function formatBytes(bytes: number): string {
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`
}

/** One entry of a list body; `unreadable` holds an NDJSON line that is not JSON, as it came. */
export type ListEntry = { value: unknown } | { unreadable: string }

const NDJSON_TYPES = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl'])

/**
 * The entries of a JSON array (`application/json`, also the default) or of NDJSON. A broken NDJSON line is an entry of
 * its own: the caller decides what becomes of it. Throws problems: other content types, text that is not JSON, JSON that
 * is not an array, more than `entriesMax` entries.
 */
export function parseList(
  text: string,
  contentType: string | undefined,
  limit: { entriesMax: number; what: string },
): ListEntry[] {
  const mediaType = (contentType ?? 'application/json').split(';')[0]!.trim().toLowerCase()
  const entries = NDJSON_TYPES.has(mediaType) ? parseLines(text, limit) : parseArray(text, mediaType)
  if (entries.length > limit.entriesMax) throw tooMany(limit)
  return entries
}

function parseArray(text: string, mediaType: string): ListEntry[] {
  // text/plain: what a browser sends with sendBeacon, which cannot ask for leave to send JSON across origins.
  if (mediaType !== 'application/json' && mediaType !== 'text/plain') {
    throw new ProblemError({
      kind: 'unsupported-media-type',
      expected: 'application/json or application/x-ndjson',
    })
  }
  const value = parseJson(text)
  if (!Array.isArray(value)) {
    throw new ProblemError({
      kind: 'invalid-request',
      issues: [{ path: '', message: 'the body must be a JSON array' }],
    })
  }
  return value.map((entry: unknown) => ({ value: entry }))
}

function parseLines(text: string, limit: { entriesMax: number; what: string }): ListEntry[] {
  const entries: ListEntry[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    if (entries.length === limit.entriesMax) throw tooMany(limit)
    try {
      entries.push({ value: JSON.parse(line) as unknown })
    } catch {
      entries.push({ unreadable: line })
    }
  }
  return entries
}

function tooMany(limit: { entriesMax: number; what: string }): ProblemError {
  return new ProblemError({
    kind: 'too-large',
    limit: `${limit.entriesMax.toLocaleString('en')} ${limit.what} a call`,
  })
}

/** Throws an `invalid-request` problem for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new ProblemError({
      kind: 'invalid-request',
      issues: [{ path: '', message: 'the body is not JSON' }],
    })
  }
}
