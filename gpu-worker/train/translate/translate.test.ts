/** @file Translation over real HTTP, against a server of ours that speaks the chat protocol well, busily and badly. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRandom } from '../../../shared/lib/random.ts'
import { tinyData, tinyPretrain } from '../../../test/fixtures/tiny-shop.ts'
import { Secret } from '../../config.ts'
import { DataError } from '../examples.ts'
import { createJournal } from '../journal.ts'
import { parseRecipe, type RecipeOf } from '../recipe.ts'
import { runRecipe } from '../recipes/run-recipe.ts'
import { type Context, StageStopped } from '../run-stage.ts'
import { prepareRephrasing } from './back-translate.ts'
import { type ChatOptions, createChatTranslator } from './chat-translator.ts'
import { TranslateError } from './translator.ts'

type Asked = { path: string; authorization: string | undefined; body: { model: string; messages: Message[] } }
type Message = { role: string; content: string }

let server: Server
let url: string
let asked: Asked[]
let reply: (asked: Asked, response: ServerResponse) => void
let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-translate-'))
  asked = []
  server = createServer(async (request: IncomingMessage, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { authorization } = request.headers
    asked.push({ path: request.url!, authorization, body: JSON.parse(text) })
    reply(asked.at(-1)!, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true })
})

const say = (content: unknown) => (_: Asked, response: ServerResponse) =>
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ choices: [{ message: { role: 'assistant', content } }] }))
const fail =
  (status: number, body = 'no', headers: Record<string, string> = {}) =>
  (_: Asked, response: ServerResponse) =>
    response.writeHead(status, headers).end(body)
/** Replies one after the other; the last one stays. */
const inTurn = (...replies: (typeof reply)[]) => {
  let at = 0
  reply = (request, response) => replies[Math.min(at++, replies.length - 1)]!(request, response)
}

const TIMEOUT_SECONDS = 77
/** Waits that were asked for, without the time limits of requests that were answered. */
function createClock(isHanging = false) {
  const waits: number[] = []
  const sleep: ChatOptions['sleep'] = (ms) => {
    if (ms === TIMEOUT_SECONDS * 1_000) return isHanging ? Promise.resolve() : new Promise(() => {})
    waits.push(ms)
    return Promise.resolve()
  }
  return { waits, sleep }
}
const translatorOf = (change: Partial<ChatOptions> = {}) =>
  createChatTranslator({
    url,
    model: 'small',
    apiKey: null,
    timeoutSeconds: TIMEOUT_SECONDS,
    sleep: createClock().sleep,
    ...change,
  })
const ask = (change: Partial<ChatOptions> = {}, text = 'red lamp') =>
  translatorOf(change).translate(text, 'English', 'German')

describe('a chat service', () => {
  it('is asked for one text, in the protocol, with its key', async () => {
    reply = say('rote Lampe')
    expect(await ask({ apiKey: new Secret('sk-1'), url: `${url}/` })).toBe('rote Lampe')
    expect(asked).toHaveLength(1)
    const { path, authorization, body } = asked[0]!
    expect([path, authorization, body.model]).toEqual(['/v1/chat/completions', 'Bearer sk-1', 'small'])
    expect(body.messages.map(({ role }) => role)).toEqual(['system', 'user'])
    expect(body.messages[0]!.content).toContain('from English to German')
    expect(body.messages[1]!.content).toBe('red lamp')
    await ask()
    expect(asked[1]!.authorization).toBeUndefined()
  })

  it('is waited for when it is busy: as long as it says, else twice as long each time', async () => {
    const { waits, sleep } = createClock()
    inTurn(fail(429, 'slow down', { 'retry-after': '3' }), fail(503), fail(500), say('rote Lampe'))
    expect(await ask({ sleep })).toBe('rote Lampe')
    expect(waits).toEqual([3_000, 2_000, 4_000])
  })

  it('is never waited for longer than a minute at a time', async () => {
    const { waits, sleep } = createClock()
    inTurn(fail(429, '', { 'retry-after': '86400' }), say('rote Lampe'))
    await ask({ sleep })
    expect(waits).toEqual([60_000])
  })

  it('is given up after six attempts, with its last word', async () => {
    const { waits, sleep } = createClock()
    reply = fail(429, 'quota is used up')
    const outcome = ask({ sleep })
    await expect(outcome).rejects.toThrow(TranslateError)
    await expect(outcome).rejects.toThrow('after 6 attempts: status 429: quota is used up')
    expect(asked).toHaveLength(6)
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000])
  })

  it.each([
    ['a wrong key', fail(401, '{"error":"bad key"}'), 'status 401: {"error":"bad key"}'],
    ['an unknown model', fail(404, 'no such model'), 'status 404: no such model'],
    ['a page that is no API', fail(200, '<html>Welcome</html>'), 'no chat completion: <html>Welcome'],
    ['a reply without a text', say(null), 'no chat completion'],
    ['an endless reply', fail(200, `{"choices":"${'x'.repeat(2 ** 20)}"}`), 'no chat completion'],
  ])('that gives %s is not asked again, and the reason is told', async (_, badReply, reason) => {
    reply = badReply
    const outcome = ask({ apiKey: new Secret('sk-1') })
    await expect(outcome).rejects.toThrow(TranslateError)
    await expect(outcome).rejects.toThrow(reason)
    await expect(outcome).rejects.not.toThrow('sk-1')
    expect(asked).toHaveLength(1)
  })

  it('that does not answer in time, or cannot be reached, is tried again', async () => {
    reply = () => {} // never
    await expect(ask({ sleep: createClock(true).sleep })).rejects.toThrow('no reply within 77 s')
    await expect(ask({ url: 'http://127.0.0.1:9/v1' })).rejects.toThrow('cannot be reached')
  })

  it('has its quotes taken off, and is not believed when it explains', async () => {
    for (const [content, expected] of [
      [' "rote Lampe"\n', 'rote Lampe'],
      ['„rote Lampe“', 'rote Lampe'],
      ['', null],
      ['rote Lampe\nNote: a lamp that is red', null],
      [`Sure! Here is the translation that you asked for: ${'rote Lampe '.repeat(5)}`, null],
    ] as const) {
      reply = say(content)
      expect(await ask()).toBe(expected)
    }
  })
})

describe('other wordings', () => {
  const recipe = { url: 'http://unused', model: 'small', share: 1, textsMax: 4, concurrency: 3 }
  const search = (backTranslation: object = recipe) =>
    parseRecipe({
      version: 1,
      recipe: 'search',
      rounds: 1,
      contrastive: { ...tinyPretrain.contrastive, steps: 2 },
      backTranslation,
    }) as { ok: true; value: RecipeOf<'search'> }
  const settings = () => search().value.backTranslation!
  const contextOf = (change: Partial<Context> = {}): Context => ({
    directory,
    sharedDirectory: directory,
    threads: 1,
    fingerprint: '',
    journal: createJournal({ directory, nowMs: () => 0 }),
    translator: translatorOf(),
    ...change,
  })
  /** To German it shouts; back it whispers and adds a word. */
  const echo = (request: Asked, response: ServerResponse) => {
    const [system, user] = request.body.messages
    const isThere = system!.content.includes('to German')
    say(isThere ? user!.content.toUpperCase() : `${user!.content.toLowerCase()} please`)(request, response)
  }
  const texts = ['red lamp', 'green chair', 'oak table', 'steel kettle', 'one too many']

  it('come back for so many texts as are allowed, in the share asked for', async () => {
    reply = echo
    const rephrase = await prepareRephrasing(settings(), texts, contextOf())
    const random = createRandom(1)
    expect(texts.map((text) => rephrase(text, random))).toEqual([
      ...['red lamp please', 'green chair please', 'oak table please', 'steel kettle please'],
      'one too many',
    ])
    const half = await prepareRephrasing({ ...settings(), share: 0.5 }, texts, contextOf())
    const changed = Array.from({ length: 2_000 }, () => half('red lamp', random) !== 'red lamp')
    expect(changed.filter(Boolean).length / changed.length).toBeCloseTo(0.5, 1)
    expect(asked).toHaveLength(4 * 2)
  })

  it('are asked for once: what a run that failed or was stopped had is kept, torn lines are asked again', async () => {
    inTurn(echo, echo, echo, echo, fail(401))
    const one = { ...settings(), concurrency: 1 }
    await expect(prepareRephrasing(one, texts, contextOf())).rejects.toThrow(TranslateError)
    expect(asked).toHaveLength(5)
    await appendFile(join(directory, 'translations.ndjson'), '\n["small","English","Germ')

    const stop = new AbortController()
    reply = (request, response) => {
      echo(request, response)
      if (asked.length === 7) stop.abort()
    }
    const stopped = prepareRephrasing(one, texts, contextOf({ signal: stop.signal }))
    await expect(stopped).rejects.toThrow(StageStopped)

    reply = echo
    const rephrase = await prepareRephrasing(one, texts, contextOf())
    expect(rephrase('steel kettle', createRandom(1))).toBe('steel kettle please')
    const asks = asked.length
    await prepareRephrasing(one, texts, contextOf())
    expect(asked).toHaveLength(asks)
    const lines = (await readFile(join(directory, 'translations.ndjson'), 'utf8')).split('\n').filter(Boolean)
    expect(new Set(lines).size).toBe(lines.length)
  })

  it('reach the training of a recipe, and a second run asks nothing', async () => {
    reply = echo
    const journal = createJournal({ directory, nowMs: () => Date.now() })
    const pretrained = await runRecipe(parsed(tinyPretrain), tinyData, {
      base: null,
      directory: join(directory, 'base'),
      threads: 1,
      journal,
    })
    const options = { base: pretrained.model, directory, threads: 1, journal, translator: translatorOf() }
    await runRecipe(search().value, tinyData, options)
    const asks = asked.map(({ body }) => body.messages[1]!.content)
    expect(asks).toHaveLength(8)
    const queries = new Set(tinyData.judgments.map(({ query }) => query))
    expect(asks.filter((text) => queries.has(text))).toHaveLength(4)
    await runRecipe(search().value, tinyData, options)
    expect(asked).toHaveLength(8)
  })

  it('are refused where no service may be called', async () => {
    const journal = createJournal({ directory, nowMs: () => 0 })
    const run = runRecipe(search().value, tinyData, { base: null, directory, threads: 1, journal })
    await expect(run).rejects.toThrow(DataError)
    await expect(run).rejects.toThrow('aisle train')
  })
})

function parsed(recipe: object) {
  const result = parseRecipe(recipe)
  if (!result.ok) throw new Error(result.error)
  return result.value
}
