/**
 * @file Client of the jobs queue: Cloudflare Queues over HTTP pull. The local server speaks the same paths, so that the two
 * differ by base address and token only. Source: Cloudflare API, accounts/{a}/queues/{q}/messages/{pull,ack}.
 */
import { z } from 'zod'

export type Message = {
  id: string
  leaseId: string /** 1 for the first delivery. */
  attempts: number
  body: unknown
}

export type JobQueue = {
  /** Lease up to `max` messages for `leaseMs`; they come back to others when the time is over. */
  pull(max: number, leaseMs: number): Promise<Message[]>
  /** Settle leased messages: done, or again after a delay. A lease that has ended is ignored by the server. */
  settle(outcome: {
    done: readonly string[]
    again: readonly { leaseId: string; delaySeconds: number }[]
  }): Promise<void>
}

const PullReply = z.object({
  result: z.object({
    messages: z.array(
      z.object({ id: z.string(), lease_id: z.string(), attempts: z.number(), body: z.string() }).loose(),
    ),
  }),
})
const REQUEST_TIMEOUT_MS = 15_000

export type QueueOptions = { apiUrl: string; account: string; queue: string; token: string }

export function createHttpQueue({ apiUrl, account, queue, token }: QueueOptions): JobQueue {
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const reply = await fetch(`${apiUrl}/accounts/${account}/queues/${queue}/messages/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    if (!reply.ok) throw new Error(`The queue answered ${reply.status} to ${path}`)
    return reply.json()
  }
  return {
    async pull(max, leaseMs) {
      const reply = PullReply.parse(await post('pull', { batch_size: max, visibility_timeout_ms: leaseMs }))
      return reply.result.messages.map(({ id, lease_id, attempts, body }) => ({
        id,
        attempts,
        leaseId: lease_id,
        body: parseBody(body),
      }))
    },
    async settle({ done, again }) {
      if (done.length + again.length === 0) return
      await post('ack', {
        acks: done.map((leaseId) => ({ lease_id: leaseId })),
        retries: again.map(({ leaseId, delaySeconds }) => ({
          lease_id: leaseId,
          delay_seconds: delaySeconds,
        })),
      })
    },
  }
}

/** Bodies come back as base64 of JSON; what is not JSON stays text, for the job schema to refuse. */
function parseBody(base64: string): unknown {
  const text = Buffer.from(base64, 'base64').toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
