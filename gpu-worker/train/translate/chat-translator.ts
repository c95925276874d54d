/**
 * @file Translation by any service that speaks OpenAI's chat protocol: hosted ones, and vLLM, llama.cpp or Ollama on one's own
 * machine. One text a request; waits and tries again when the service is busy, and says what is wrong when it is not.
 *
 * Source: OpenAI API reference, POST /chat/completions; RFC 9110 §10.2.3 (Retry-After).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { Secret } from '../../config.ts'
import { TranslateError, type Translator } from './translator.ts'

export type ChatOptions = {
  /** Base of the API, e.g. http://localhost:11434/v1 */
  url: string
  model: string
  apiKey: Secret | null
  timeoutSeconds: number
  /** Resolves after so long; rejects when the signal says so. */
  sleep?(ms: number, signal: AbortSignal): Promise<unknown>
}

const ATTEMPTS_MAX = 6
const BACKOFF_BASE_MS = 1_000
const BACKOFF_MAX_MS = 60_000
const REPLY_BYTES_MAX = 256 * 2 ** 10
/** Of a reply that is shown in an error. */
const EXCERPT_CHARS = 200
/** A query stays about as long in another language; what is longer explains instead of translating. */
const LENGTH = { factor: 3, plus: 20 }

const Completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
})
type Attempt =
  | { kind: 'text'; text: string }
  | { kind: 'busy'; reason: string; retryAfterMs: number | null }
  | { kind: 'refused'; reason: string }

export function createChatTranslator(options: ChatOptions): Translator {
  const sleep = options.sleep ?? ((ms, signal) => wait(ms, undefined, { signal }))
  const never = new AbortController().signal
  return {
    name: options.model,
    async translate(text, from, to, signal = never) {
      let reason = ''
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        const outcome = await ask(options, sleep, promptOf(text, from, to), signal)
        if (outcome.kind === 'text') return usable(outcome.text, text)
        if (outcome.kind === 'refused') throw new TranslateError(`${options.url}: ${outcome.reason}`)
        reason = outcome.reason
        const backOffMs = outcome.retryAfterMs ?? BACKOFF_BASE_MS * 2 ** attempt
        if (attempt + 1 < ATTEMPTS_MAX) await sleep(Math.min(BACKOFF_MAX_MS, backOffMs), signal)
      }
      throw new TranslateError(
        `${options.url}: given up after ${ATTEMPTS_MAX} attempts: ${reason}. What was translated so far is kept; the same command goes on from there.`,
      )
    },
  }
}

const promptOf = (text: string, from: string, to: string) => [
  {
    role: 'system',
    content: `You translate what shoppers type into the search box of a shop, from ${from} to ${to}. Reply with the translation alone: no quotes, no notes.`,
  },
  { role: 'user', content: text },
]

/** @throws the reason of `signal` when it is aborted */
async function ask(
  { url, model, apiKey, timeoutSeconds }: ChatOptions,
  sleep: NonNullable<ChatOptions['sleep']>,
  messages: ReturnType<typeof promptOf>,
  signal: AbortSignal,
): Promise<Attempt> {
  const timeout = new AbortController()
  const isOver = new AbortController()
  sleep(timeoutSeconds * 1_000, isOver.signal).then(
    () => timeout.abort(),
    () => {}, // the reply came first
  )
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey ? { authorization: `Bearer ${apiKey.reveal()}` } : {}),
      },
      body: JSON.stringify({ model, messages }),
      signal: AbortSignal.any([signal, timeout.signal]),
    })
    return attemptOf(response, await readText(response))
  } catch (error) {
    if (signal.aborted) throw error
    if (timeout.signal.aborted) return busy(`no reply within ${timeoutSeconds} s`)
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return busy(`cannot be reached (${cause instanceof Error ? cause.message : String(cause)})`)
  } finally {
    isOver.abort()
  }
}

const busy = (reason: string, retryAfterMs: number | null = null): Attempt => ({
  kind: 'busy',
  reason,
  retryAfterMs,
})

function attemptOf(response: Response, body: string): Attempt {
  const excerpt = body.replace(/\s+/g, ' ').trim().slice(0, EXCERPT_CHARS)
  const { status } = response
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    return busy(`status ${status}: ${excerpt}`, Number.isFinite(seconds) ? seconds * 1_000 : null)
  }
  if (status !== 200) return { kind: 'refused', reason: `status ${status}: ${excerpt}` }
  const completion = Completion.safeParse(parseJson(body))
  return completion.success
    ? { kind: 'text', text: completion.data.choices[0]!.message.content }
    : { kind: 'refused', reason: `the reply is no chat completion: ${excerpt}` }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A reply longer than any translation is cut, and then is no JSON. */
async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    text += decoder.decode(chunk, { stream: true })
    if (bytes > REPLY_BYTES_MAX) break
  }
  return text
}

/** Null for what is no translation: nothing, several lines, or an explanation. */
function usable(reply: string, text: string): string | null {
  const clean = reply
    .trim()
    .replace(/^["'“„«](.*)["'”“»]$/u, '$1')
    .trim()
  const isUsable =
    clean !== '' && !clean.includes('\n') && clean.length <= LENGTH.factor * text.length + LENGTH.plus
  return isUsable ? clean : null
}
