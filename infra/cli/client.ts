/** @file A small client of Aisle's HTTP API: finds the address and the key, turns problem documents into sentences. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ProblemDocument } from '../../shared/schema/problem.ts'
import { Failure } from './failure.ts'

export const STATE_DIR_DEFAULT = '.state'
const ATTEMPTS_MAX = 6
const REQUEST_TIMEOUT_MS = 60_000

export type ConnectOptions = { url?: string; key?: string; state?: string }
export type Client = {
  url: string
  get<T>(path: string): Promise<T>
  /** Repeats on 429, 503 and broken connections, with back-off; give an `Idempotency-Key` where a repeat matters. */
  post<T>(path: string, body: string, headers: Record<string, string>): Promise<T>
  /** JSON. Repeats likewise. */
  put<T>(path: string, body: string): Promise<T>
  delete<T>(path: string): Promise<T>
}

/** Address and key: options first, then AISLE_URL and AISLE_KEY, then what `aisle start` wrote into the state folder. */
export function connect(options: ConnectOptions, scope: 'public' | 'secret' = 'secret'): Client {
  const state = options.state ?? STATE_DIR_DEFAULT
  const url =
    options.url ?? process.env['AISLE_URL'] ?? readJson<{ url: string }>(join(state, 'endpoint.json'))?.url
  if (!url)
    throw new Failure(`No running Aisle found in "${state}": start one with "npm start" or pass --url.`)
  const key =
    options.key ??
    process.env['AISLE_KEY'] ??
    readJson<Record<string, string>>(join(state, 'keys.json'))?.[scope]
  if (!key)
    throw new Failure(`No API key: pass --key or set AISLE_KEY ("${state}/keys.json" does not exist).`)
  return createClient(url.replace(/\/+$/, ''), key)
}

export function createClient(url: string, key: string): Client {
  const request = async <T>(path: string, init: RequestInit): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      const reply = await send(url + path, key, init).catch((error: unknown) => {
        if (attempt < ATTEMPTS_MAX) return null
        throw new Failure(`Cannot reach ${url}: ${causeOf(error)}. Is Aisle running there?`)
      })
      const busy = reply === null || reply.status === 429 || reply.status === 503
      if (busy && attempt < ATTEMPTS_MAX) {
        await reply?.body?.cancel()
        const asked = Number(reply?.headers.get('retry-after') ?? 0)
        await wait(Math.max(asked * 1_000, 200 * 2 ** (attempt - 1)))
        continue
      }
      if (reply?.ok) return (await reply.json()) as T
      throw new Failure(await problemSentence(reply!))
    }
  }
  return {
    url,
    get: (path) => request(path, { method: 'GET' }),
    post: (path, body, headers) => request(path, { method: 'POST', body, headers }),
    put: (path, body) =>
      request(path, { method: 'PUT', body, headers: { 'content-type': 'application/json' } }),
    delete: (path) => request(path, { method: 'DELETE' }),
  }
}

const send = (url: string, key: string, init: RequestInit): Promise<Response> =>
  fetch(url, {
    ...init,
    headers: { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string> | undefined) },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })

const causeOf = (error: unknown): string => {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined
  return cause?.code ?? (error instanceof Error ? error.message : String(error))
}

async function problemSentence(reply: Response): Promise<string> {
  const text = await reply.text()
  try {
    const problem = JSON.parse(text) as ProblemDocument
    const errors = (problem.errors ?? []).map((error) => `${error.path}: ${error.message}`).join('; ')
    return `${problem.title} (${reply.status})${errors || problem.detail ? `: ${errors || problem.detail}` : ''}`
  } catch {
    return `${reply.status} ${reply.statusText}`
  }
}

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined
}
