import { describe, expect, it } from 'vitest'
import { createMemorySender, MESSAGE_BYTES_MAX } from '../queue-sender.ts'
import { suspectBots } from './bots.ts'
import { createTakeEvents, toMessages } from './events.ts'

const NOW = Date.parse('2026-11-24T12:00:00Z')
const event = (n: number, fields: Record<string, unknown> = {}) => ({
  value: {
    eventId: `e${n}`,
    kind: 'view',
    userId: 'ada@example.org',
    time: new Date(NOW - n * 1_000).toISOString(),
    itemIds: ['a'],
    ...fields,
  },
})
const open = () => {
  const queue = createMemorySender()
  const take = createTakeEvents({
    pseudonymOf: async (id) => `${id.length}`.padStart(32, '0'),
    numbersOf: async (ids) => new Map(ids.filter((id) => id === 'a').map((id) => [id, 7])),
    queue,
    clock: () => NOW,
  })
  return { queue, take }
}

describe('taking events', () => {
  it('sends no shopper id on, only the pseudonym and stable item numbers', async () => {
    const { queue, take } = open()
    await take([event(1)], 'shop-backend/1.0')
    expect(queue.sent).toHaveLength(1)
    expect(JSON.stringify(queue.sent)).not.toContain('ada')
    expect(queue.sent[0]!.body).toMatchObject({ events: [{ user: `${'0'.repeat(30)}15`, items: [7] }] })
  })
  it('takes an event that is there twice once, and warns', async () => {
    const { queue, take } = open()
    const reply = await take([event(1), event(1)], undefined)
    expect(reply).toMatchObject({ ok: true, value: { accepted: 2, rejected: [], warnings: [{ index: 1 }] } })
    expect((queue.sent[0]!.body as { events: unknown[] }).events).toHaveLength(1)
  })
  it('accepts what is just inside the clock limits and refuses what is just outside', async () => {
    const { take } = open()
    const at = (ms: number) => event(1, { time: new Date(NOW + ms).toISOString() })
    for (const inside of [10 * 60_000, -2 * 366 * 86_400_000])
      expect((await take([at(inside)], undefined)).ok).toBe(true)
    for (const outside of [10 * 60_000 + 1, -2 * 366 * 86_400_000 - 1])
      expect((await take([at(outside)], undefined)).ok).toBe(false)
  })
  it('says that the queue failed, so that the caller can repeat', async () => {
    const { queue, take } = open()
    queue.failing = true
    expect(await take([event(1)], undefined)).toMatchObject({ ok: false, error: { kind: 'upstream-failed' } })
  })
  it('cuts messages below the limit of the queue, whatever script the queries are in', () => {
    const events = Array.from({ length: 500 }, (_, n) => ({
      eventId: `e${n}`,
      kind: 'search' as const,
      user: 'u',
      timeMs: NOW,
      items: [],
      query: '茶'.repeat(500),
      suspectedBot: false,
    }))
    const messages = toMessages(events)
    expect(messages.flatMap((message) => message.events)).toEqual(events)
    for (const message of messages)
      expect(new TextEncoder().encode(JSON.stringify(message)).length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
  })
})

describe('suspected bots', () => {
  const views = (count: number, everyMs: number) =>
    Array.from({ length: count }, (_, n) => ({ user: 'u', kind: 'view', timeMs: NOW + n * everyMs }))
  it('name themselves, or act faster than a hand', () => {
    expect(suspectBots(views(1, 0), 'Googlebot/2.1')).toEqual([true])
    expect(suspectBots(views(61, 100), undefined).every(Boolean)).toBe(true)
  })
  it('are not people who browse, nor pages that show many items at once', () => {
    expect(suspectBots(views(60, 100), undefined).some(Boolean)).toBe(false)
    expect(suspectBots(views(300, 500), 'Mozilla/5.0').some(Boolean)).toBe(false)
    const shown = views(200, 0).map((one) => ({ ...one, kind: 'impression' }))
    expect(suspectBots(shown, undefined).some(Boolean)).toBe(false)
  })
})
