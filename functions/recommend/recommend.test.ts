import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type FixtureItem, fixtureIndex } from '../../shared/retrieval/fixture.ts'
import { createIndexItems } from '../../shared/retrieval/item-source.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import { createMemoryProfileStore } from '../profile/memory-store.ts'
import { applyEvents, EMPTY_PROFILE, type Profile, type ProfileStore } from '../profile/profile.ts'
import { linearRanker } from '../ranking/ranker.ts'
import { type LoadedSignals, NO_SIGNALS } from '../ranking/signals.ts'
import { type Stage, StageTimer } from '../ranking/stages.ts'
import { diversify } from './diversity.ts'
import { createRecommend, rankFor } from './recommend.ts'
import { NO_RULES, type RecommendRequest } from './request.ts'
import { dueOf, isDue } from './sources/again.ts'

const NOW = 1_760_000_000_000
const SEED = 31
const KINDS = ['lamp', 'chair', 'mug', 'rug']
/** 40 items: 10 of each kind, with the kind as the direction of the vector; every tenth is sold out. */
const ITEMS: FixtureItem[] = Array.from({ length: 40 }, (_, n) => ({
  id: `i${n + 1}`,
  title: `${KINDS[n % 4]} number ${n + 1}`,
  category: ['Home', KINDS[n % 4]!],
  stock: n % 10 === 9 ? 0 : 5,
  vector: Float32Array.from({ length: 4 }, (_, axis) => (axis === n % 4 ? 1 : ((n * 7 + axis) % 5) / 50)),
}))
let index: Index
beforeAll(async () => {
  index = await fixtureIndex(ITEMS)
})

const event = (item: number, kind: StoredEvent['kind'] = 'view', ageMinutes = 1): StoredEvent => ({
  eventId: `${kind}-${item}-${ageMinutes}`,
  kind,
  user: 'u',
  timeMs: NOW - ageMinutes * 60_000,
  items: [item],
  suspectedBot: false,
  ...(kind === 'rating' ? { rating: 5 } : {}),
})
const request: RecommendRequest = {
  ...{ requestId: 'r', scenario: 'for-you', user: 'u', limit: 10, itemId: undefined, cart: [], recent: [] },
  ...{ rules: NO_RULES, language: 'en', objective: 'balanced', explain: false },
}
const BUDGETS = { profile: 50, retrieve: 100, rank: 20, diversify: 20 }
const calm = () => new StageTimer(() => 0, BUDGETS)
const byHand = (features: Float32Array, rows: number) => ({
  scores: linearRanker.score(features, rows),
  degraded: [],
})
const rank = async (
  profile: Profile | null,
  change: Partial<RecommendRequest> = {},
  signals: LoadedSignals = NO_SIGNALS,
) => {
  const items = createIndexItems(index)
  const asked = { ...request, ...change }
  return (await rankFor(items, signals, profile ?? EMPTY_PROFILE, asked, NOW, calm(), byHand)).list
}
const idsFor = async (profile: Profile | null, change = {}, signals = NO_SIGNALS) =>
  (await rank(profile, change, signals)).map(({ doc }) => index.id(doc))
const kindsFor = async (profile: Profile | null, change = {}) =>
  (await idsFor(profile, change)).map((id) => ITEMS[Number(id.slice(1)) - 1]!.category![1])

describe('ranking for a shopper', () => {
  it('prefers the kind that was viewed, and says which item it comes from', async () => {
    const [first] = await rank(applyEvents(null, [event(1)]))
    expect(index.category(first!.doc)).toContain('lamp')
    expect(first!.reasons).toContain("because you viewed 'lamp number 1'")
  })
  it('lets a newer interest outweigh an older one', async () => {
    const profile = applyEvents(null, [event(1, 'view', 60 * 24 * 60), event(2, 'view', 1)])
    expect((await kindsFor(profile))[0]).toBe('chair')
  })
  it('takes no wish from a bad rating', async () => {
    const disliked = applyEvents(null, [{ ...event(1, 'rating'), rating: 1 }])
    expect(await idsFor(disliked)).toEqual(await idsFor(null))
  })
  it('brings what is bought together, with its reason', async () => {
    const signals = { ...NO_SIGNALS, together: new Map([[1, [[3, 0.9] as const]]]) }
    const ranked = await rank(applyEvents(null, [event(1, 'purchase')]), {}, signals)
    const partner = ranked.find(({ doc }) => index.id(doc) === 'i3')!
    expect(partner.reasons).toContain("often bought with 'lamp number 1'")
  })
  it('gives popular items to a new shopper, best first within a category', async () => {
    const popular = [
      [5, 100],
      [9, 90],
      [2, 80],
    ] as const
    const ids = await idsFor(null, { limit: 3 }, { ...NO_SIGNALS, popular })
    expect(ids.sort()).toEqual(['i2', 'i5', 'i9'])
  })
  it('gives the range of the shop where the history leads nowhere', async () => {
    // Nothing of the viewed item is known that another has, and nothing is popular yet.
    const bare = createIndexItems(await fixtureIndex(ITEMS.map(({ vector: _, ...item }) => item)))
    const profile = applyEvents(null, [event(1)])
    const { list } = await rankFor(bare, NO_SIGNALS, profile, request, NOW, calm(), byHand)
    expect(list).toHaveLength(request.limit)
  })
  it('is never empty while something is in stock, never repeats, never shows what is sold out, in the cart, or bought and not due again', async () => {
    const kind = fc.constantFrom('view', 'click', 'add-to-cart', 'purchase', 'rating')
    const history = fc.array(
      fc.record({ item: fc.integer({ min: 1, max: 45 }), kind, age: fc.integer({ min: 0, max: 100_000 }) }),
      { maxLength: 30 },
    )
    const cart = fc.array(fc.integer({ min: 1, max: 45 }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(history, cart, fc.integer({ min: 1, max: 20 }), async (events, inCart, limit) => {
        const profile = applyEvents(
          null,
          events.map(({ item, kind, age }) => event(item, kind as StoredEvent['kind'], age)),
        )
        const ranked = await rank(profile, { limit, cart: inCart.map((n) => `i${n}`) })
        const ids = ranked.map(({ doc }) => index.id(doc))
        expect(ids.length).toBeGreaterThan(0)
        expect(ids.length).toBeLessThanOrEqual(limit)
        expect(new Set(ids).size).toBe(ids.length)
        const again = new Set(dueOf(profile.purchases, NOW).flatMap((one) => (isDue(one) ? one.item : [])))
        const bought = profile.purchases.flatMap(({ item }) => (again.has(item) ? [] : `i${item}`))
        for (const { doc, reasons } of ranked) {
          expect(index.stock(doc)).not.toBe(0)
          expect(bought).not.toContain(index.id(doc))
          expect(inCart.map((n) => `i${n}`)).not.toContain(index.id(doc))
          expect(reasons.length).toBeGreaterThan(0)
        }
      }),
      { seed: SEED, numRuns: 200 },
    )
  })
})

describe('a stage over its budget', () => {
  const stuck = (stage: Stage) => {
    const stages = calm()
    let running: Stage | null = null
    return Object.assign(stages, {
      begin: (next: Stage) => {
        running = next
      },
      isOver: () => running === stage,
    })
  }
  it('diversify: the places go by score, and the reply says so', async () => {
    const profile = applyEvents(null, [event(1), event(2)])
    for (const one of [profile, null]) {
      const late = stuck('diversify')
      const { list, degraded } = await rankFor(
        createIndexItems(index),
        NO_SIGNALS,
        one ?? EMPTY_PROFILE,
        request,
        NOW,
        late,
        byHand,
      )
      expect(degraded).toEqual(['diversify-over-budget'])
      expect(list).toHaveLength(request.limit)
      expect(list.map(({ score }) => score)).toEqual(list.map(({ score }) => score).sort((a, b) => b - a))
    }
    const inTime = await rankFor(createIndexItems(index), NO_SIGNALS, profile, request, NOW, calm(), byHand)
    expect(inTime.degraded).toEqual([])
  })
})

describe('another ranker', () => {
  const profile = applyEvents(null, [event(1), event(2)])
  it('decides the order, from the same features, and the reply says what it says', async () => {
    const seen = RANK_FEATURES.indexOf('seen')
    const onlySeen = async (features: Float32Array, rows: number) => ({
      scores: Float32Array.from({ length: rows }, (_, row) => features[row * RANK_FEATURES_MAX + seen]!),
      degraded: ['ranker-loading' as const],
    })
    const { list, degraded } = await rankFor(
      createIndexItems(index),
      NO_SIGNALS,
      profile,
      request,
      NOW,
      calm(),
      onlySeen,
    )
    expect(degraded).toEqual(['ranker-loading'])
    expect(list.slice(0, 2).map(({ doc }) => index.id(doc))).toEqual(['i1', 'i2'])
    expect(list.map(({ score }) => score)).toEqual([1, 1, ...Array(8).fill(0)])
  })
  it('sees features in [0, 1], and zeros where no feature is', async () => {
    let looked = 0
    const look = (features: Float32Array, rows: number) => {
      for (let row = 0; row < rows; row++) {
        const own = features.subarray(row * RANK_FEATURES_MAX, (row + 1) * RANK_FEATURES_MAX)
        expect(own.every((x) => x >= 0 && x <= 1)).toBe(true)
        expect(own.subarray(RANK_FEATURES.length).every((x) => x === 0)).toBe(true)
        looked++
      }
      return byHand(features, rows)
    }
    await rankFor(createIndexItems(index), NO_SIGNALS, profile, request, NOW, calm(), look)
    expect(looked).toBeGreaterThan(10)
  })
})

describe('a profile that does not come', () => {
  const answer = (profiles: ProfileStore, timeout?: (ms: number) => AbortSignal) =>
    createRecommend({
      itemsOf: createIndexItems,
      profiles,
      rank: (_ref, features, rows) => byHand(features, rows),
      clock: () => NOW,
      consentRule: 'assumed',
      profileBudgetMs: BUDGETS.profile,
      ...(timeout ? { timeout } : {}),
    })(index, NO_SIGNALS, request, calm(), () => {})

  const answered = async (...of: Parameters<typeof answer>) => (await answer(...of))!

  it('in time: popular items are given after the budget, and the reply says so', async () => {
    const asked: number[] = []
    const silent: ProfileStore = {
      read: (_user, signal) =>
        new Promise((resolve) => {
          const end = () => resolve({ ok: false, error: { kind: 'timeout', reason: 'aborted' } })
          if (signal!.aborted) end()
          else signal!.addEventListener('abort', end)
        }),
      update: async () => ({ ok: false, error: { kind: 'timeout', reason: 'aborted' } }),
    }
    const reply = await answered(silent, (ms) => {
      asked.push(ms)
      return AbortSignal.abort()
    })
    expect(asked).toEqual([BUDGETS.profile])
    expect(reply.degraded).toEqual(['profile-timeout'])
    expect(reply.hits).toHaveLength(10)
  })
  it('because the store is down: the same list as for a new shopper, and the reply says so', async () => {
    const down: ProfileStore = {
      read: async () => ({ ok: false, error: { kind: 'unavailable', reason: 'ECONNREFUSED' } }),
      update: async () => ({ ok: false, error: { kind: 'unavailable', reason: 'ECONNREFUSED' } }),
    }
    const [degraded, cold] = [await answered(down), await answered(createMemoryProfileStore())]
    expect(degraded.degraded).toEqual(['profile-unavailable'])
    expect(degraded.hits).toEqual(cold.hits)
    expect(cold.degraded).toEqual([])
  })
})

describe('diversify', () => {
  const item = fc.record({
    group: fc.constantFrom('a', 'b', 'c'),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  const lists = fc.array(item, { maxLength: 30 }).map((items) => items.sort((a, b) => b.score - a.score))

  it('keeps the best first, repeats nothing, and keeps the order within a group', () => {
    fc.assert(
      fc.property(lists, fc.double({ min: 0.1, max: 1, noNaN: true }), fc.nat(40), (list, damping, limit) => {
        const chosen = diversify(list, ({ group }) => group, damping, limit)
        expect(chosen.length).toBe(Math.min(limit, list.length))
        expect(new Set(chosen).size).toBe(chosen.length)
        if (chosen.length > 0) expect(chosen[0]!.score).toBe(list[0]!.score)
        for (const group of ['a', 'b', 'c']) {
          const own = (items: typeof list) => items.filter((one) => one.group === group)
          expect(own(chosen)).toEqual(own(list).slice(0, own(chosen).length))
        }
      }),
      { seed: SEED },
    )
  })
  it('keeps what it has chosen when time is up, and goes on by score without repeating', () => {
    fc.assert(
      fc.property(lists, fc.nat(10), fc.nat(40), (list, places, limit) => {
        let asked = 0
        const isLate = () => asked++ >= places
        const chosen = diversify(list, ({ group }) => group, 0.5, limit, isLate)
        const whole = diversify(list, ({ group }) => group, 0.5, limit)
        expect(chosen.length).toBe(whole.length)
        expect(new Set(chosen).size).toBe(chosen.length)
        const kept = Math.min(places, chosen.length)
        expect(chosen.slice(0, kept)).toEqual(whole.slice(0, kept))
        const rest = list.filter((item) => !chosen.slice(0, kept).includes(item))
        expect(chosen.slice(kept)).toEqual(rest.slice(0, chosen.length - kept))
      }),
      { seed: SEED },
    )
  })
  it('changes nothing with a damping of 1', () => {
    fc.assert(
      fc.property(lists, (list) => {
        const scores = diversify(list, ({ group }) => group, 1, list.length).map(({ score }) => score)
        expect(scores).toEqual(list.map(({ score }) => score))
      }),
      { seed: SEED },
    )
  })
})
