/** @file The worker reads the log that the edge wrote, and leaves a report; models learn without what bots did. */
import { describe, expect, it } from 'vitest'
import { toParquet } from '../../functions/jobs/consume-events.ts'
import { createJudgeEvents, JUDGE_MS } from '../../gpu-worker/jobs/judge-events.ts'
import { createMemoryBlobStore } from '../../gpu-worker/memory-blob-store.ts'
import { readEventLog } from '../../gpu-worker/runs/event-log.ts'
import { EVENT_QUALITY_KEY, EventQualityFile } from '../../shared/schema/event-quality.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import { simulateTraffic } from '../fixtures/traffic/traffic.ts'

const { events, authors } = simulateTraffic(3, 60)
const NOW = events.at(-1)!.timeMs + 3_600_000

const lastFullDays = [2, 1].map((ago) => new Date(NOW - ago * 86_400_000).toISOString().slice(0, 10))

async function open(log: readonly StoredEvent[]) {
  const blobs = createMemoryBlobStore()
  const byDay = Map.groupBy(log, ({ timeMs }) => new Date(timeMs).toISOString().slice(0, 10))
  for (const [day, own] of byDay)
    await blobs.put(`events/date=${day}/hour=00/a.parquet`, new Uint8Array(toParquet(own)))
  let nowMs = NOW
  const judge = createJudgeEvents({ blobs, nowMs: () => nowMs })
  return {
    blobs,
    judge: (shouldStop = () => false) => judge({ catalogue: () => new Set(), shouldStop }),
    wait: (ms: number) => {
      nowMs += ms
    },
  }
}

describe('judging the log', () => {
  it('leaves a report that fits the contract, and judges again only what is new', async () => {
    const { blobs, judge, wait } = await open(events)
    const { report, days } = (await judge())!
    expect(days.map(({ date }) => date)).toEqual(lastFullDays)
    expect(report.events).toBe(events.length)
    expect(report.suspectedUsers.length).toBeGreaterThan(0)
    const kept = await blobs.get(EVENT_QUALITY_KEY)
    expect(EventQualityFile.parse(JSON.parse(new TextDecoder().decode(kept!.bytes)))).toEqual(report)
    expect(await judge()).toBeNull()
    wait(JUDGE_MS)
    expect(await judge()).toBeNull()
    await blobs.put(`events/date=2026-10-08/hour=00/b.parquet`, new Uint8Array(toParquet(events.slice(-5))))
    wait(JUDGE_MS)
    expect(await judge()).toMatchObject({ report: { events: events.length } })
  })
  it('stops when a job has come, and begins anew afterwards', async () => {
    const { judge } = await open(events)
    expect(await judge(() => true)).toBeNull()
    expect(await judge()).not.toBeNull()
  })
  it('reads the last fifteen days only', async () => {
    const { judge, wait } = await open(events)
    wait(30 * 86_400_000)
    expect(await judge()).toBeNull()
  })
  it('of an empty log makes no report', async () => {
    const { judge, blobs } = await open([])
    expect(await judge()).toBeNull()
    expect(await blobs.get(EVENT_QUALITY_KEY)).toBeNull()
  })
})

it('models learn from people: what bots did, judged or suspected at the door, is not in their data', async () => {
  const person = [...authors].find(([, { type }]) => type === 'night owl' || type === 'power user')![0]
  const atDoor = events.map((event) => ({ ...event, suspectedBot: event.user === person }))
  const { blobs } = await open(atDoor)
  const learnt = await readEventLog(blobs)
  const users = new Set(learnt.map(({ user }) => user))
  expect(users.has(person)).toBe(false)
  const flooders = [...authors].filter(([, { isBot }]) => isBot).map(([user]) => user)
  expect(flooders.filter((user) => users.has(user)).length).toBeLessThan(flooders.length / 2)
  expect(learnt.map(({ timeMs }) => timeMs)).toEqual(
    learnt.map(({ timeMs }) => timeMs).toSorted((a, b) => a - b),
  )
})
