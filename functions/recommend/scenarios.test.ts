/** @file What each scenario and each source brings, on a small shop; the pipeline itself is in recommend.test.ts. */
import { beforeAll, describe, expect, it } from 'vitest'
import { parseFilter } from '../../shared/retrieval/filter.ts'
import { type FixtureItem, fixtureIndex } from '../../shared/retrieval/fixture.ts'
import { createIndexItems } from '../../shared/retrieval/item-source.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import { createMemoryProfileStore } from '../profile/memory-store.ts'
import { applyEvents, DAY_MS, EMPTY_PROFILE, type Profile } from '../profile/profile.ts'
import { linearRanker } from '../ranking/ranker.ts'
import { type LoadedSignals, NO_SIGNALS } from '../ranking/signals.ts'
import { StageTimer } from '../ranking/stages.ts'
import { createRecommend, rankFor } from './recommend.ts'
import { NO_RULES, type RecommendRequest, type Rules } from './request.ts'
import { dueOf, isDue } from './sources/again.ts'

const NOW = 1_760_000_000_000
const KINDS = ['lamp', 'chair', 'mug', 'rug']
const BRANDS = ['Nord', 'Sona', 'Acme']
/** 40 items: kind by the number modulo 4, brand modulo 3, the price rises; the first lamps are on sale. */
const ITEMS: FixtureItem[] = Array.from({ length: 40 }, (_, n) => ({
  id: `i${n + 1}`,
  title: `${KINDS[n % 4]} number ${n + 1}`,
  brand: BRANDS[n % 3]!,
  category: ['Home', KINDS[n % 4]!],
  price: 5 * (n + 1),
  stock: 5,
  attributes: n < 9 && n % 4 === 0 ? { onSale: true } : {},
  vector: Float32Array.from({ length: 4 }, (_, axis) => (axis === n % 4 ? 1 : ((n * 7 + axis) % 5) / 50)),
}))
let index: Index
beforeAll(async () => {
  index = await fixtureIndex(ITEMS)
})

let count = 0
const event = (item: number, kind: StoredEvent['kind'] = 'view', ageDays = 0.01): StoredEvent => ({
  ...{ eventId: `e${count++}`, kind, user: 'u', timeMs: NOW - ageDays * DAY_MS, items: [item] },
  suspectedBot: false,
})
const request: RecommendRequest = {
  ...{ requestId: 'r', scenario: 'for-you', user: 'u', limit: 10, itemId: undefined, cart: [], recent: [] },
  ...{ rules: NO_RULES, language: 'en', objective: 'balanced', explain: false },
}
const linear = (features: Float32Array, rows: number) => ({
  scores: linearRanker.score(features, rows),
  degraded: [],
})
const calm = () => new StageTimer(() => 0, { profile: 50, retrieve: 100, rank: 20, diversify: 20 })
async function list(
  change: Partial<RecommendRequest>,
  profile: Profile = EMPTY_PROFILE,
  signals: LoadedSignals = NO_SIGNALS,
) {
  const items = createIndexItems(index)
  const ranked = await rankFor(items, signals, profile, { ...request, ...change }, NOW, calm(), linear)
  return ranked.list.map((one) => ({
    ...one,
    id: index.id(one.doc),
    kind: KINDS[(index.number(one.doc) - 1) % 4]!,
  }))
}
const idsOf = (hits: { id: string }[]) => hits.map(({ id }) => id)
const filter = (text: string) => {
  const parsed = parseFilter(text)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}
const withRules = (rules: Partial<Rules>) => ({ rules: { ...NO_RULES, ...rules } })
const together = new Map([
  [
    1,
    [
      [6, 0.9],
      [5, 0.5],
    ] as const,
  ],
])

describe('scenarios', () => {
  it('for you: two tastes are both in the list, new arrivals too', async () => {
    const hits = await list({ limit: 20 }, applyEvents(null, [event(1), event(2)]))
    expect(new Set(hits.slice(0, 8).map(({ kind }) => kind))).toEqual(new Set(['lamp', 'chair']))
    expect(hits.flatMap(({ reasons }) => reasons)).toContain('new in the shop')
  })
  it('similar: of the item’s kind, whatever the shopper did before', async () => {
    const hits = await list(
      { scenario: 'similar', itemId: 'i1', limit: 5 },
      applyEvents(null, [event(2, 'purchase')]),
    )
    expect(hits.every(({ kind }) => kind === 'lamp')).toBe(true)
    expect(idsOf(hits)).not.toContain('i1')
  })
  it('complementary: partners of the cart, and nothing of its own kind', async () => {
    const signals = {
      ...NO_SIGNALS,
      together,
      popular: [
        [9, 5],
        [3, 4],
      ] as const,
    }
    const hits = await list({ scenario: 'complementary', cart: ['i1'] }, EMPTY_PROFILE, signals)
    expect(idsOf(hits)).toEqual(['i6', 'i3'])
    expect(hits[0]!.reasons[0]).toBe("often bought with 'lamp number 1'")
  })
  it('bought together: the partners of the item, best first', async () => {
    const hits = await list({ scenario: 'bought-together', itemId: 'i1' }, EMPTY_PROFILE, {
      ...NO_SIGNALS,
      together,
    })
    expect(idsOf(hits)).toEqual(['i6', 'i5'])
  })
  it('trending: what is popular, for everybody', async () => {
    const signals = {
      ...NO_SIGNALS,
      popular: [
        [7, 50],
        [8, 20],
        [3, 10],
      ] as const,
    }
    expect(idsOf(await list({ scenario: 'trending', user: null }, EMPTY_PROFILE, signals))).toEqual([
      'i7',
      'i8',
      'i3',
    ])
  })
  it('new: what came last, first', async () => {
    expect(idsOf(await list({ scenario: 'new', limit: 3, ...withRules({ diversity: 'none' }) }))).toEqual([
      'i40',
      'i39',
      'i38',
    ])
  })
  it('on sale: items that say so', async () => {
    const hits = await list({ scenario: 'on-sale' })
    expect(idsOf(hits).sort()).toEqual(['i1', 'i5', 'i9'])
    expect(hits[0]!.reasons).toContain('on sale')
  })
  it('recently viewed: the newest first, each once', async () => {
    const past = applyEvents(null, [
      event(3, 'view', 1),
      event(2, 'click', 2),
      event(3, 'view', 3),
      event(4, 'purchase', 1),
    ])
    expect(idsOf(await list({ scenario: 'recently-viewed' }, past))).toEqual(['i3', 'i2'])
  })
  it('buy again: the most due first; one that is due is also offered for you, one that is not is left out', async () => {
    const monthly = [10, 40, 70].map((days) => event(3, 'purchase', days - 10 + 30))
    const past = applyEvents(null, [...monthly, event(7, 'purchase', 1), event(7, 'purchase', 60)])
    const hits = await list({ scenario: 'buy-again' }, past)
    expect(idsOf(hits)).toEqual(['i3', 'i7'])
    expect(hits[0]!.reasons).toEqual(['you bought this 30 days ago'])
    const forYou = await list({}, past)
    expect(idsOf(forYou)).not.toContain('i7')
    expect(forYou.find(({ id }) => id === 'i3')!.reasons).toContain('time to buy it again')
  })
  it('next category: one item each of categories that the shopper has not turned to', async () => {
    const hits = await list({ scenario: 'next-category', limit: 3 }, applyEvents(null, [event(1), event(5)]))
    expect(hits.map(({ kind }) => kind).sort()).toEqual(['chair', 'mug', 'rug'])
  })
  it('of who has nothing of their own, own lists are those of a new shopper', async () => {
    expect((await list({ scenario: 'buy-again' })).length).toBe(10)
    expect((await list({ scenario: 'recently-viewed' })).length).toBe(10)
  })
})

describe('what is bought again', () => {
  const bought = (...ages: number[]) =>
    ages.map((days) => ({ item: 1, day: Math.floor(NOW / DAY_MS) - days }))
  it('is due after about its interval, not at once and not for ever, and never after one purchase', () => {
    const due = (...ages: number[]) => dueOf(bought(...ages), NOW).some(isDue)
    expect([due(1, 31, 61), due(30, 60, 90), due(300, 330, 360)]).toEqual([false, true, false])
    // Once, and twice on one occasion.
    expect([due(45), due(20, 22)]).toEqual([false, false])
  })
})

describe('what the page says was just done', () => {
  const past = applyEvents(null, [event(1, 'view', 2), event(5, 'view', 3)])
  it('changes the list at once, as its event will', async () => {
    const recent = [{ kind: 'view' as const, itemId: 'i2' }]
    const now = await list({ recent }, past)
    const later = await list({}, applyEvents(past, [{ ...event(2), timeMs: NOW }]))
    expect(now).toEqual(later)
    const before = await list({}, past)
    const placeOfChair = (hits: { kind: string }[]) => {
      const at = hits.findIndex(({ kind }) => kind === 'chair')
      return at < 0 ? hits.length : at
    }
    expect(placeOfChair(now)).toBeLessThan(5)
    expect(placeOfChair(before)).toBeGreaterThanOrEqual(5)
  })
  it('counts once when the profile has it already', async () => {
    const applied = applyEvents(past, [{ ...event(2), timeMs: NOW }])
    expect(await list({ recent: [{ kind: 'view', itemId: 'i2' }] }, applied)).toEqual(await list({}, applied))
  })
  it('that was bought is not shown, and an unknown item says nothing', async () => {
    const hits = await list(
      {
        recent: [
          { kind: 'purchase', itemId: 'i2' },
          { kind: 'view', itemId: 'ghost' },
        ],
        limit: 40,
      },
      past,
    )
    expect(idsOf(hits)).not.toContain('i2')
  })
})

describe('rules of the shop', () => {
  const past = applyEvents(EMPTY_PROFILE, [event(1)])
  it('a filter leaves only what passes, in every scenario that finds candidates', async () => {
    const rules = withRules({ filter: filter('price<60 AND brand="nord"') })
    for (const profile of [past, EMPTY_PROFILE])
      for (const hit of await list({ ...rules, limit: 20 }, profile))
        expect([index.price(hit.doc) < 60, index.brand(hit.doc)]).toEqual([true, 'Nord'])
  })
  it('boosts raise, buries lower, and the reply can say by how much', async () => {
    const boosts = [{ factor: 5, filter: filter('category=mug') }]
    const rules = withRules({ boosts, diversity: 'none' as const })
    const hits = await list({ ...rules, explain: true, limit: 40 }, past)
    const plain = await list({ ...withRules({ diversity: 'none' }), limit: 40 }, past)
    const firstMug = (of: { kind: string }[]) => of.findIndex(({ kind }) => kind === 'mug')
    expect(firstMug(hits)).toBeLessThan(firstMug(plain))
    const mug = hits.find(({ kind }) => kind === 'mug')!
    const { rules: share = 0, ...others } = mug.notes!.attribution!
    expect(share).toBeCloseTo(4 * Object.values(others).reduce((a, b) => a + b, 0), 6)
    const buried = withRules({
      boosts: [{ factor: 0.1, filter: filter('category=lamp') }],
      diversity: 'none',
    })
    expect((await list({ ...buried, limit: 1 }, past))[0]!.kind).not.toBe('lamp')
  })
  it('caps hold for categories and brands', async () => {
    const hits = await list({ ...withRules({ categoryMax: 2, brandMax: 3 }), limit: 8 }, past)
    for (const kind of KINDS) expect(hits.filter((hit) => hit.kind === kind).length).toBeLessThanOrEqual(2)
    for (const brand of BRANDS)
      expect(hits.filter(({ doc }) => index.brand(doc) === brand).length).toBeLessThanOrEqual(3)
  })
  it('pins come first, sponsored items stand where they were sold and are marked, the cart is never shown', async () => {
    const rules = withRules({ pins: ['i40', 'i3', 'ghost', 'i8'], sponsored: [{ itemId: 'i39', rank: 2 }] })
    const hits = await list({ ...rules, cart: ['i8'] }, past)
    expect(idsOf(hits).slice(0, 3)).toEqual(['i40', 'i39', 'i3'])
    expect(hits[0]!.reasons[0]).toBe('chosen by the shop')
    expect(hits[1]).toMatchObject({ notes: { sponsored: true } })
    expect(hits[1]!.reasons[0]).toBe('sponsored')
    expect(idsOf(hits)).not.toContain('i8')
    expect(new Set(idsOf(hits)).size).toBe(10)
  })
  it.each(['mmr', 'dpp'] as const)(
    '%s keeps the best first and shows more kinds than scores alone',
    async (diversity) => {
      const plain = await list({ ...withRules({ diversity: 'none' }) }, past)
      const varied = await list({ ...withRules({ diversity }) }, past)
      expect(varied[0]!.id).toBe(plain[0]!.id)
      expect(varied).toHaveLength(plain.length)
      const kindsOf = (hits: { kind: string }[]) => new Set(hits.map(({ kind }) => kind)).size
      expect(kindsOf(varied)).toBeGreaterThanOrEqual(kindsOf(plain))
      expect(kindsOf(varied)).toBeGreaterThan(1)
    },
  )
  it('exploration is told by propensities, and the same request explores the same', async () => {
    const rules = withRules({ explore: 0.5 })
    const hits = await list(rules, past)
    expect(hits.map(({ notes }) => notes!.propensity! > 0 && notes!.propensity! <= 1)).toEqual(
      Array(10).fill(true),
    )
    expect(await list(rules, past)).toEqual(hits)
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, n) => list({ ...rules, requestId: `r${n}` }, past)),
    )
    expect(others.some((one) => one.some(({ notes }) => notes!.propensity! < 0.5))).toBe(true)
  })
})

describe('reasons', () => {
  it('are in Chinese when asked for', async () => {
    const [first] = await list({ language: 'zh' }, applyEvents(null, [event(1)]))
    expect(first!.reasons[0]).toBe('因为您浏览过「lamp number 1」')
    expect((await list({ language: 'zh' }))[0]!.reasons).toEqual(['来自本店精选'])
  })
  it('come with parts that sum to the score of every hit', async () => {
    const past = applyEvents(null, [event(1), event(2, 'purchase', 3), event(6, 'add-to-cart', 1)])
    for (const profile of [past, EMPTY_PROFILE])
      for (const { score, notes } of await list({ explain: true, limit: 20 }, profile, {
        ...NO_SIGNALS,
        together,
      })) {
        const sum = Object.values(notes!.attribution!).reduce((a, b) => a + b, 0)
        expect(Math.abs(sum - score)).toBeLessThanOrEqual(1e-6)
      }
  })
})

describe('a profile that is not as it should be', () => {
  const answer = (
    profiles: Parameters<typeof createRecommend>[0]['profiles'],
    consentRule: 'assumed' | 'required' = 'assumed',
  ) =>
    createRecommend({
      ...{ itemsOf: createIndexItems, profiles, consentRule, clock: () => NOW, profileBudgetMs: 50 },
      rank: (_ref, features, rows) => linear(features, rows),
    })(index, NO_SIGNALS, request, calm(), () => {})

  it.each(['corrupt', 'version'] as const)(
    '%s: the shopper gets the list of a new one, and the reply names it',
    async (kind) => {
      const fault = { ok: false as const, error: { kind, reason: 'told to' } }
      const reply = await answer({ read: async () => fault, update: async () => fault })
      const cold = await answer(createMemoryProfileStore())
      expect(reply!.degraded).toEqual([`profile-${kind}`])
      expect(reply!.hits).toEqual(cold!.hits)
      expect(reply!.hits).toHaveLength(10)
    },
  )
  it('items that left the shop say nothing, and do no harm', async () => {
    const past = applyEvents(null, [event(999), event(998, 'purchase'), event(1)])
    const hits = await list({}, past)
    expect(hits).toHaveLength(10)
    expect(hits[0]!.kind).toBe('lamp')
    expect(await list({}, applyEvents(null, [event(999)]))).toEqual(await list({}))
  })
  it('where consent is required, one who has not given it is a new shopper', async () => {
    const store = createMemoryProfileStore()
    await store.update('u', (before) => applyEvents(before, [event(1)]))
    const [assumed, required] = [await answer(store), await answer(store, 'required')]
    expect(assumed!.hits[0]!.reasons[0]).toContain('because you viewed')
    expect(required!.hits).toEqual((await answer(createMemoryProfileStore()))!.hits)
  })
})
