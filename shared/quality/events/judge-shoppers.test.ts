/** @file People and machines at the limits of the rules, and laws of the judgement. How well it does on mixtures: `npm run bench bots`. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { simulateTraffic } from '../../../test/fixtures/traffic/traffic.ts'
import { createRandom, gaussian } from '../../lib/random.ts'
import { EVENT_KINDS, type StoredEvent } from '../../schema/events.ts'
import { toColumns } from './event-columns.ts'
import { cleanEvents, isBot, judgeShoppers } from './judge-shoppers.ts'
import { shopperFeatures } from './shopper-features.ts'

const START = Date.UTC(2026, 9, 1, 9)
const SECOND = 1_000
const HOUR = 3_600_000
let made = 0
const event = (timeMs: number, fields: Partial<StoredEvent> = {}): StoredEvent => ({
  ...{ eventId: `e${made++}`, kind: 'view', user: 'u', timeMs, items: [1], suspectedBot: false },
  ...fields,
})
const views = (count: number, gapOf: (at: number) => number, itemOf: (at: number) => number, user = 'u') => {
  let timeMs = START
  return Array.from({ length: count }, (_, at) => {
    timeMs += gapOf(at)
    return event(timeMs, { items: [itemOf(at)], user })
  })
}
const judge = (events: StoredEvent[], user = 'u') => {
  const found = judgeShoppers(toColumns(events)).find((one) => one.user === user)!
  return { ...found, rules: found.reasons.map(({ rule }) => rule) }
}
/** Pauses as people make them: half of them within a factor of two, some much longer. */
const humanPauses = (seed: number, medianMs = 20 * SECOND) => {
  const random = createRandom(seed)
  return () => medianMs * Math.exp(1.1 * gaussian(random))
}

describe('one shopper', () => {
  it('who browses is a person', () => {
    const pause = humanPauses(1)
    expect(judge(views(60, pause, (at) => 1 + ((at * 7) % 23))).score).toBeLessThan(0.2)
  })
  it('a thousand clicks on one item in a minute are a bot, one message each or not', () => {
    const { score, rules } = judge(
      views(
        1_000,
        () => 60,
        () => 7,
      ),
    )
    expect(score).toBeGreaterThan(0.85)
    expect(rules).toContain('bot-hammering')
  })
  it('who acts on the beat has a rhythm, and who is as fast but uneven has not', () => {
    const random = createRandom(2)
    const even = judge(
      views(
        80,
        () => 20 * SECOND * (0.9 + 0.2 * random()),
        (at) => 1 + (at % 30),
      ),
    )
    expect(even.rules).toContain('bot-rhythm')
    expect(isBot(even)).toBe(true)
    expect(judge(views(80, humanPauses(3), (at) => 1 + (at % 30))).rules).not.toContain('bot-rhythm')
  })
  it('whose backend writes whole minutes has no rhythm that can be seen', () => {
    const pause = humanPauses(4, 40 * SECOND)
    const onMinutes = views(200, pause, (at) => 1 + ((at * 17) % 31)).map((one) => ({
      ...one,
      timeMs: Math.ceil(one.timeMs / 60_000) * 60_000,
    }))
    expect(shopperFeatures(toColumns(onMinutes))[0]).toMatchObject({ gapSpread: null })
    expect(isBot(judge(onMinutes))).toBe(false)
  })
  it('whose backend sends a day in one stamp is not fast', () => {
    const atOnce = views(
      300,
      () => 0,
      (at) => 1 + (at % 40),
    )
    expect(judge(atOnce).rules).not.toContain('bot-rate')
  })
  it('who never sleeps is a bot, who is up for sixteen hours is not', () => {
    const pause = humanPauses(5, 400 * SECOND)
    const day = views(400, pause, (at) => 1 + (at % 50))
    const awake = (hours: number) => day.filter(({ timeMs }) => (timeMs - START) % (24 * HOUR) < hours * HOUR)
    expect(judge(awake(24)).rules).toContain('bot-no-rest')
    expect(judge(awake(15)).rules).not.toContain('bot-no-rest')
  })
})

describe('click farms', () => {
  const crowd = (accounts: number, touches: number, targets: number) =>
    Array.from({ length: accounts }, (_, account) =>
      views(
        touches,
        humanPauses(100 + account, 300 * SECOND),
        (at) => 900 + (at % targets),
        `farm-${account}`,
      ),
    ).flat()
  const shoppers = Array.from({ length: 60 }, (_, at) => {
    const random = createRandom(at + 500)
    return views(12, humanPauses(at, 60 * SECOND), () => 1 + Math.floor(random() ** 2 * 300), `person-${at}`)
  }).flat()

  it('are found by what their accounts do together, and the people beside them are not', () => {
    const judged = judgeShoppers(toColumns([...shoppers, ...crowd(12, 9, 3)]))
    const bots = judged.filter(isBot).map(({ user }) => user)
    expect(bots.filter((user) => user.startsWith('farm')).length).toBe(12)
    expect(bots.filter((user) => user.startsWith('person'))).toEqual([])
    expect(new Set(judged.filter(isBot).map(({ group }) => group)).size).toBe(1)
  })
  it('are not a crowd that follows a link once', () => {
    const judged = judgeShoppers(toColumns([...shoppers, ...crowd(40, 1, 1)]))
    expect(judged.filter(isBot)).toEqual([])
  })
  it('are not three friends', () => {
    const judged = judgeShoppers(toColumns([...shoppers, ...crowd(3, 9, 3)]))
    expect(judged.filter(isBot)).toEqual([])
  })
})

describe('laws', () => {
  const log = fc.array(
    fc.record({
      kind: fc.constantFrom(...EVENT_KINDS),
      user: fc.constantFrom('a', 'b', 'c'),
      second: fc.integer({ min: 0, max: 900_000 }),
      items: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
    }),
    { maxLength: 200 },
  )
  const toEvents = (acts: typeof log extends fc.Arbitrary<infer T> ? T : never) =>
    acts.map(({ second, ...fields }, at) => event(START + second * SECOND, { ...fields, eventId: `x${at}` }))

  it('scores lie in 0 to 1, and are of the events, not of their order or of repeats', () => {
    fc.assert(
      fc.property(log, fc.integer(), (acts, seed) => {
        // Equal times have no order.
        const events = toEvents(acts).map((one, at) => ({ ...one, timeMs: one.timeMs + (at % 997) }))
        fc.pre(new Set(events.map(({ user, timeMs }) => `${user} ${timeMs}`)).size === events.length)
        const scores = (some: StoredEvent[]) =>
          new Map(judgeShoppers(toColumns(some)).map(({ user, score }) => [user, score]))
        const once = scores(events)
        for (const score of once.values()) expect(score >= 0 && score <= 1).toBe(true)
        const random = createRandom(seed)
        const shuffled = [...events, ...events].sort(() => random() - 0.5)
        for (const [user, score] of scores(shuffled)) expect(score).toBeCloseTo(once.get(user)!, 12)
      }),
      { numRuns: 60 },
    )
  })
  it('do not read what the door suspected', () => {
    const { events } = simulateTraffic(7, 60)
    const scores = (some: StoredEvent[]) => judgeShoppers(toColumns(some)).map(({ score }) => score)
    expect(scores(events.map((one) => ({ ...one, suspectedBot: true })))).toEqual(scores(events))
  })
  it('clean events have none of a bot, and all of the others', () => {
    const events = [
      ...views(
        1_000,
        () => 60,
        () => 7,
        'bot',
      ),
      ...views(5, humanPauses(1), (at) => at + 1, 'person'),
    ]
    const clean = cleanEvents(events, judgeShoppers(toColumns(events)))
    expect(clean).toEqual(events.filter(({ user }) => user === 'person'))
  })
  it('one shopper with 100,000 events is judged', () => {
    const { score } = judge(
      views(
        100_000,
        () => 900,
        (at) => 1 + (at % 5_000),
      ),
    )
    expect(score).toBeGreaterThan(0.9)
  })
})
