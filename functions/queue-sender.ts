/** @file Sending queue messages: the port, Cloudflare's producer bindings, and the REST paths that the local stack serves. */
import { err, ok, type Result } from '../shared/lib/result.ts'
import type { Config } from './env.ts'

export type QueueName = 'jobs' | 'events'

/** Limits of Cloudflare Queues: 128 KB a message; 100 messages or 256 KB a batch. A margin is left for their envelope. */
export const MESSAGE_BYTES_MAX = 120_000
export const SEND_BATCH_MESSAGES_MAX = 100
export const SEND_BATCH_BYTES_MAX = 240_000
const SEND_TIMEOUT_MS = 5_000

/** Sends JSON bodies, in order. On `err` some may have been sent: receivers must bear repeats. */
export type QueueSender = {
  send(queue: QueueName, bodies: readonly unknown[]): Promise<Result<void, { reason: string }>>
}

/** Cut into batches that one call may carry. Throws when a single body is over the message limit (a bug of ours). */
export function sendBatches<T>(bodies: readonly T[]): T[][] {
  const batches: T[][] = []
  let bytes = 0
  for (const body of bodies) {
    const size = new TextEncoder().encode(JSON.stringify(body)).length
    if (size > MESSAGE_BYTES_MAX) throw new Error(`Broken invariant: queue message of ${size} bytes`)
    const current = batches.at(-1)
    if (!current || current.length === SEND_BATCH_MESSAGES_MAX || bytes + size > SEND_BATCH_BYTES_MAX) {
      batches.push([body])
      bytes = size
    } else {
      current.push(body)
      bytes += size
    }
  }
  return batches
}

/** Production: the producer bindings of this Worker. */
export function createBindingSender(queues: Record<QueueName, Queue | undefined>): QueueSender {
  return {
    async send(queue, bodies) {
      const producer = queues[queue]
      if (!producer) return err({ reason: `no producer binding for queue ${queue}` })
      try {
        for (const batch of sendBatches(bodies)) {
          await producer.sendBatch(batch.map((body) => ({ body, contentType: 'json' as const })))
        }
        return ok(undefined)
      } catch (error) {
        return err({ reason: `queue ${queue}: ${String(error)}` })
      }
    },
  }
}

/**
 * The REST API of Cloudflare Queues, `POST {url}/accounts/{account}/queues/{queue}/messages/batch`.
 * Source: https://developers.cloudflare.com/api/resources/queues/subresources/messages/
 */
export function createRestSender(
  api: NonNullable<Config['queueApi']>,
  doFetch: typeof fetch = (...args) => fetch(...args),
): QueueSender {
  return {
    async send(queue, bodies) {
      try {
        for (const batch of sendBatches(bodies)) {
          const response = await doFetch(`${api.url}/accounts/local/queues/${queue}/messages/batch`, {
            method: 'POST',
            headers: { authorization: `Bearer ${api.token.reveal()}`, 'content-type': 'application/json' },
            body: JSON.stringify({ messages: batch.map((body) => ({ body, content_type: 'json' })) }),
            signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
          })
          const text = await response.text()
          if (!response.ok) {
            return err({ reason: `queue ${queue}: HTTP ${response.status} ${text.slice(0, 200)}` })
          }
        }
        return ok(undefined)
      } catch (error) {
        return err({ reason: `queue ${queue}: ${String(error)}` })
      }
    },
  }
}

/** In memory, for tests: `sent` lists what was sent; set `failing` to refuse. */
export function createMemorySender(): QueueSender & {
  sent: { queue: QueueName; body: unknown }[]
  failing: boolean
} {
  const sender = {
    sent: [] as { queue: QueueName; body: unknown }[],
    failing: false,
    async send(queue: QueueName, bodies: readonly unknown[]) {
      if (sender.failing) return err({ reason: 'told to fail' })
      for (const batch of sendBatches(bodies)) {
        // Through JSON, as on the wire: a body that does not survive it must fail here too.
        sender.sent.push(
          ...batch.map((body) => ({ queue, body: JSON.parse(JSON.stringify(body)) as unknown })),
        )
      }
      return ok(undefined)
    },
  }
  return sender
}
