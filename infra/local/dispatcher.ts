/**
 * @file What Cloudflare does for a queue with a push consumer: takes messages and hands them to the Worker's `queue()` handler,
 * then settles what the handler said.
 */
import type { LocalEdge } from './edge.ts'
import type { QueueServer } from './queue-server.ts'

const BATCH_MESSAGES_MAX = 20
/** How long a batch waits to fill up: `max_batch_timeout` of wrangler.toml is ten times this, which is long at a terminal. */
const BATCH_FILL_MS = 100
const LEASE_MS = 30_000
const IDLE_LOOK_MS = 1_000
const FAILURE_DELAY_SECONDS = 5

/** @param edge asked anew for each delivery, because the edge may be restarted */
export function startDispatcher(
  queues: readonly string[],
  server: QueueServer,
  edge: () => LocalEdge | null,
) {
  let stopped = false
  let running: Promise<void> | null = null

  const deliverAll = async () => {
    for (const queue of queues)
      for (;;) {
        const target = edge()
        if (stopped || !target) return
        const messages = server.pull(queue, BATCH_MESSAGES_MAX, LEASE_MS)
        if (messages.length === 0) break
        const leaseOf = new Map(messages.map(({ id, leaseId }) => [id, leaseId]))
        try {
          const outcome = await target.deliver(queue, messages)
          const delays = new Map(outcome.retries.map(({ id, delaySeconds }) => [id, delaySeconds]))
          const again = messages.filter(({ id }) => outcome.retryAll || delays.has(id))
          const done = messages.filter((message) => !again.includes(message))
          if (stopped) return
          server.settle(
            queue,
            done.map(({ id }) => leaseOf.get(id)!),
            again.map(({ id }) => ({ leaseId: leaseOf.get(id)!, delaySeconds: delays.get(id) ?? 0 })),
          )
        } catch {
          // The edge is being restarted, or the handler threw: the whole batch comes again, as on the real service.
          if (stopped) return
          const again = messages.map(({ leaseId }) => ({ leaseId, delaySeconds: FAILURE_DELAY_SECONDS }))
          server.settle(queue, [], again)
          break
        }
        // What came meanwhile is the next batch, which is to fill up as well.
        if (messages.length < BATCH_MESSAGES_MAX) break
      }
  }
  const look = () => {
    if (stopped) return
    running ??= deliverAll().finally(() => {
      running = null
    })
  }
  let filling: NodeJS.Timeout | null = null
  server.onPush((queue) => {
    if (!queues.includes(queue) || filling) return
    filling = setTimeout(() => {
      filling = null
      // A push that comes while a round is nearly over is found by one more look.
      if (running) void running.then(look)
      else look()
    }, BATCH_FILL_MS)
  })
  const timer = setInterval(look, IDLE_LOOK_MS)
  return {
    async stop() {
      stopped = true
      clearInterval(timer)
      if (filling) clearTimeout(filling)
      await running
    },
  }
}
