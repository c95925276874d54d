/**
 * @file The load of `serve.ts`, a process of its own so that its time is not the stack's. Open loop: requests are sent at their
 * times whether or not earlier ones were answered, and each is timed from when it was to be sent. A stall of the server thus costs
 * every request that falls into it, as it would cost shoppers.
 * Source: Tene, How NOT to Measure Latency (coordinated omission); Schroeder et al., Open Versus Closed, NSDI 2006.
 */
import { Agent, type IncomingMessage, request } from 'node:http'
import { createRandom, type Random } from '../../shared/lib/random.ts'

export const KINDS = ['search', 'recommend', 'similar', 'events'] as const
export type Kind = (typeof KINDS)[number]
/** Shares of the requests. */
const MIX: Record<Kind, number> = { search: 0.5, recommend: 0.25, similar: 0.15, events: 0.1 }
const HITS = 20
const TIMEOUT_MS = 10_000
const SOCKETS_MAX = 256
/** Further requests are counted as errors instead of being sent: a server that is this far behind does not come back. */
const IN_FLIGHT_MAX = 5_000

export type LoadPlan = {
  url: string
  /** Taken in turn: the rate limit is by key. */
  keys: readonly string[]
  /** The more popular ones first: drawn by Zipf's law with exponent 1, as queries of people are. */
  queries: readonly string[]
  itemIds: readonly string[]
  userIds: readonly string[]
  seed: number
}
/** Requests a second, for so long. */
export type Round = { rate: number; seconds: number }
export type RoundResult = {
  /** Milliseconds from the intended time of sending to the end of the reply, by kind, of replies without an error. */
  latenciesMs: Record<Kind, number[]>
  /** By what went wrong. */
  errors: Record<string, number>
  /** Replies with something in `degraded`. */
  degraded: number
  /** From the first intended time to the last end of a reply. */
  seconds: number
  /** CPU of this process. */
  cpuMs: number
  /** Means of `Server-Timing` by kind and stage, milliseconds. */
  stagesMs: Record<string, Record<string, number>>
}
type Call = { kind: Kind; method: 'GET' | 'POST'; path: string; body?: string }

export function createLoad({ url, keys, queries, itemIds, userIds, seed }: LoadPlan) {
  const random = createRandom(seed)
  const { hostname, port } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  const drawQuery = zipf(queries, random)
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)]!
  let calls = 0

  function draw(): Call {
    const id = calls++
    const kind = pickKind(random())
    const [user, item] = [pick(userIds), pick(itemIds)]
    switch (kind) {
      case 'search':
        return { kind, method: 'GET', path: `/v1/search?limit=${HITS}&q=${encodeURIComponent(drawQuery())}` }
      case 'recommend':
        return {
          kind,
          method: 'GET',
          path: `/v1/recommendations?limit=${HITS}&userId=${encodeURIComponent(user)}`,
        }
      case 'similar':
        return { kind, method: 'GET', path: `/v1/items/${encodeURIComponent(item)}/similar?limit=${HITS}` }
      case 'events': {
        const view = { eventId: `load-${seed}-${id}`, kind: 'view', userId: user, itemIds: [item] }
        const body = JSON.stringify([{ ...view, time: new Date().toISOString() }])
        return { kind, method: 'POST', path: '/v1/events', body }
      }
    }
  }

  /** Settles when the reply has ended; an error is what went wrong in a word or two. */
  const send = ({
    method,
    path,
    body,
  }: Call): Promise<{ reply?: IncomingMessage; text: string; error?: string }> =>
    new Promise((resolve) => {
      const headers = {
        authorization: `Bearer ${keys[calls % keys.length]!}`,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      }
      const fail = (error: NodeJS.ErrnoException) => resolve({ text: '', error: error.code ?? error.message })
      const call = request({ hostname, port, path, method, headers, agent, timeout: TIMEOUT_MS }, (reply) => {
        let text = ''
        reply.setEncoding('latin1')
        reply.on('data', (chunk: string) => {
          text += chunk
        })
        reply.on('error', fail)
        reply.on('end', () => {
          const good = reply.statusCode! < 300
          resolve(good ? { reply, text } : { text, error: `status ${reply.statusCode}` })
        })
      })
      call.on('timeout', () => call.destroy(new Error('timeout')))
      call.on('error', fail)
      call.end(body)
    })

  return {
    async run({ rate, seconds }: Round): Promise<RoundResult> {
      const cpu = process.cpuUsage()
      const latenciesMs: Record<Kind, number[]> = { search: [], recommend: [], similar: [], events: [] }
      const errors: Record<string, number> = {}
      const stages = createMeans()
      const outstanding = new Set<Promise<void>>()
      let degraded = 0
      const count = (error: string) => {
        errors[error] = (errors[error] ?? 0) + 1
      }
      const dispatch = async (dueMs: number) => {
        const call = draw()
        const { reply, text, error } = await send(call)
        if (error !== undefined) return count(error)
        latenciesMs[call.kind].push(performance.now() - dueMs)
        if (text.includes('"degraded":["')) degraded++
        stages.add(call.kind, reply!.headers['server-timing'])
      }

      const startMs = performance.now()
      const endMs = startMs + seconds * 1_000
      // Exponential gaps: many shoppers who know nothing of each other are a Poisson process.
      const gapMs = () => (-Math.log(1 - random()) * 1_000) / rate
      for (let dueMs = startMs + gapMs(); dueMs < endMs; dueMs += gapMs()) {
        const waitMs = dueMs - performance.now()
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
        if (outstanding.size >= IN_FLIGHT_MAX) {
          count('not sent')
          continue
        }
        const done: Promise<void> = dispatch(dueMs).finally(() => outstanding.delete(done))
        outstanding.add(done)
      }
      await Promise.all(outstanding)
      const { user, system } = process.cpuUsage(cpu)
      return {
        latenciesMs,
        errors,
        degraded,
        seconds: (performance.now() - startMs) / 1_000,
        cpuMs: (user + system) / 1_000,
        stagesMs: stages.means(),
      }
    },
    close: () => agent.destroy(),
  }
}

function pickKind(at: number): Kind {
  let sum = 0
  for (const kind of KINDS) {
    sum += MIX[kind]
    if (at < sum) return kind
  }
  return 'events'
}

/** The n-th of the list with probability proportional to 1 / n. */
function zipf(list: readonly string[], random: Random): () => string {
  const sums: number[] = []
  let sum = 0
  for (let n = 1; n <= list.length; n++) {
    sum += 1 / n
    sums.push(sum)
  }
  return () => {
    const at = random() * sum
    let [low, high] = [0, sums.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < at) low = middle + 1
      else high = middle
    }
    return list[low]!
  }
}

function createMeans() {
  const sums = new Map<string, Map<string, { ms: number; count: number }>>()
  return {
    add(kind: string, header: string | string[] | undefined): void {
      if (typeof header !== 'string') return
      const own = sums.get(kind) ?? new Map<string, { ms: number; count: number }>()
      sums.set(kind, own)
      for (const metric of header.split(', ')) {
        const [stage, duration] = metric.split(';dur=')
        const { ms, count } = own.get(stage!) ?? { ms: 0, count: 0 }
        own.set(stage!, { ms: ms + Number(duration), count: count + 1 })
      }
    },
    means: () =>
      Object.fromEntries(
        [...sums].map(([kind, own]) => [
          kind,
          Object.fromEntries([...own].map(([stage, { ms, count }]) => [stage, ms / count])),
        ]),
      ),
  }
}

// Forked by `serve.ts`: first the plan, then rounds, each answered by its result.
if (process.send && import.meta.main) {
  let load: ReturnType<typeof createLoad> | undefined
  process.on('message', async (message: { plan: LoadPlan } | { round: Round }) => {
    if ('plan' in message) load = createLoad(message.plan)
    else process.send!(await load!.run(message.round))
  })
  process.on('disconnect', () => process.exit(0))
}
