/** @file The loop with a queue in memory: what it settles how, when it stops. */
import { describe, expect, it } from 'vitest'
import type { JobQueue, Message } from '../queue.ts'
import type { IndexItems } from './index-items.ts'
import { workLoop } from './work-loop.ts'

type Settled = { done: string[]; again: { leaseId: string; delaySeconds: number }[] }

/** A queue that gives each list of messages once, then nothing. */
function scripted(...pulls: Message[][]): JobQueue & { settled: Settled } {
  const settled: Settled = { done: [], again: [] }
  return {
    settled,
    async pull() {
      return pulls.shift() ?? []
    },
    async settle({ done, again }) {
      settled.done.push(...done)
      settled.again.push(...again)
    },
  }
}
const message = (batchId: string, attempts = 1): Message => ({
  id: batchId,
  leaseId: `lease-${batchId}`,
  attempts,
  body: { kind: 'index', batchId },
})

async function drain(
  queue: JobQueue,
  run: IndexItems['run'],
  more: { nowMs?: () => number; whenIdle?: () => Promise<void>; signal?: AbortSignal; drain?: boolean } = {},
) {
  const events: string[] = []
  await workLoop(
    {
      queue,
      indexItems: { run },
      whenIdle: more.whenIdle ?? (async () => {}),
      nowMs: more.nowMs ?? (() => 0),
      log: (event) => events.push(event),
    },
    {
      leaseMs: 60_000,
      pollMs: 1,
      drain: more.drain ?? true,
      signal: more.signal ?? new AbortController().signal,
    },
  )
  return events
}
const succeed: IndexItems['run'] = async () => ({ encoded: 1, published: true })

describe('the work loop', () => {
  it('acknowledges after the work, and with --drain ends when the queue is empty', async () => {
    const queue = scripted([message('a'), message('b')], [message('c')])
    const order: string[] = []
    await drain(queue, async (batchIds) => {
      expect(queue.settled.done).not.toContain(`lease-${batchIds[0]}`)
      order.push(...batchIds)
      return { encoded: 1, published: true }
    })
    expect(order).toEqual(['a', 'b', 'c'])
    expect(queue.settled).toEqual({ done: ['lease-a', 'lease-b', 'lease-c'], again: [] })
  })
  it('when one of several fails, the others are done one by one and it alone comes again, later each time', async () => {
    const queue = scripted([message('good'), message('bad', 3), message('fine')])
    await drain(queue, async (batchIds) => {
      if (batchIds.includes('bad')) throw new Error('cannot')
      return { encoded: 1, published: true }
    })
    expect(queue.settled.done.sort()).toEqual(['lease-fine', 'lease-good'])
    expect(queue.settled.again).toEqual([{ leaseId: 'lease-bad', delaySeconds: 8 }])
  })
  it('gives a message that is no job back to the queue, which will put it with the dead letters', async () => {
    const queue = scripted([{ ...message('x'), body: { kind: 'dance' } }, message('a')])
    const events = await drain(queue, succeed)
    expect(events).toContain('not-a-job')
    expect(queue.settled).toEqual({ done: ['lease-a'], again: [{ leaseId: 'lease-x', delaySeconds: 0 }] })
  })
  it('runs a batch once when its message came twice in one pull', async () => {
    const runs: (readonly string[])[] = []
    await drain(scripted([message('a'), { ...message('a'), leaseId: 'lease-a2' }]), async (batchIds) => {
      runs.push(batchIds)
      return { encoded: 1, published: true }
    })
    expect(runs).toEqual([['a']])
  })
  it('tells the job when its lease is over', async () => {
    let now = 0
    const seen: boolean[] = []
    await drain(
      scripted([message('a')]),
      async (_batchIds, lease) => {
        seen.push(lease.expired())
        now = 59_500
        seen.push(lease.expired())
        return { encoded: 1, published: true }
      },
      { nowMs: () => now },
    )
    expect(seen).toEqual([false, true])
  })
  it('goes on after the queue could not be reached', async () => {
    const inner = scripted([message('a')])
    let failures = 2
    const queue: JobQueue = {
      ...inner,
      async pull(max, leaseMs) {
        if (failures-- > 0) throw new Error('unreachable')
        return inner.pull(max, leaseMs)
      },
    }
    const events = await drain(queue, succeed)
    expect(events.filter((event) => event === 'pull-failed')).toHaveLength(2)
    expect(inner.settled.done).toEqual(['lease-a'])
  })
  it('stops when told to, after the job under way', async () => {
    const stop = new AbortController()
    const queue = scripted([message('a')], [message('never')])
    await drain(
      queue,
      async () => {
        stop.abort()
        return { encoded: 1, published: true }
      },
      { drain: false, signal: stop.signal },
    )
    expect(queue.settled.done).toEqual(['lease-a'])
  })
  it('does idle work only while the queue is empty, and ends it when a job comes', async () => {
    const stop = new AbortController()
    const order: string[] = []
    const pulls: Message[][] = [[], [message('a')]]
    const queue: JobQueue = {
      async pull() {
        return pulls.shift() ?? []
      },
      async settle() {},
    }
    await workLoop(
      {
        queue,
        indexItems: {
          async run() {
            order.push('job')
            stop.abort()
            return { encoded: 0, published: true }
          },
        },
        async whenIdle(shouldStop) {
          order.push('idle')
          while (!shouldStop()) await new Promise((resolve) => setImmediate(resolve))
          order.push('idle ended')
        },
        nowMs: () => 0,
        log: () => {},
      },
      { leaseMs: 60_000, pollMs: 1, drain: false, signal: stop.signal },
    )
    expect(order).toEqual(['idle', 'idle ended', 'job'])
  })
})
