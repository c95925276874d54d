/** @file What search leaves out when a stage is late. What it finds is in shopper.workerd.test.ts and shared/retrieval. */
import { beforeAll, describe, expect, it } from 'vitest'
import { ok } from '../../shared/lib/result.ts'
import { type FixtureItem, fixtureIndex } from '../../shared/retrieval/fixture.ts'
import { createIndexItems } from '../../shared/retrieval/item-source.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { createIndexSource } from '../../shared/retrieval/source.ts'
import { type Affinities, NO_AFFINITIES, priceBand } from '../profile/affinities.ts'
import { StageTimer } from '../ranking/stages.ts'
import { PERSONAL_DEPTH, TASTE_GAIN_MAX } from './personal.ts'
import { createSearch, type SearchMode } from './search.ts'

const BUDGETS = { profile: 50, retrieve: 100, rank: 20, diversify: 20 }
const LAMP = Float32Array.of(1, 0, 0, 0)
const ITEMS: FixtureItem[] = [
  { id: 'lamp-1', title: 'red lamp', vector: LAMP },
  { id: 'light-1', title: 'floor light', vector: LAMP },
]
let index: Index
beforeAll(async () => {
  index = await fixtureIndex(ITEMS, { fusion: { vectorWeight: 0.5 } })
  index.manifest.model.trained = true
})

const REQUEST = {
  ...{ requestId: 'r', query: 'lamp', limit: 10, offset: 0, filter: undefined, facets: [], user: null },
}
const sources = { sourceOf: createIndexSource, itemsOf: createIndexItems }
const never = (): never => {
  throw new Error('no tastes were asked for')
}

/** A search whose clock passes `lookMs` each time that it is looked at. */
async function searchWith(lookMs: number, mode: SearchMode) {
  let now = 0
  let encoded = 0
  const encoder = {
    encode: async () => {
      encoded++
      return ok(LAMP)
    },
  }
  const stages = new StageTimer(() => (now += lookMs), BUDGETS)
  const request = { ...REQUEST, mode }
  const search = createSearch({ encoder, ...sources, tastesOf: async () => never() })
  const reply = await search(index, request, stages, () => {})
  if (!reply.ok) throw new Error(reply.error.kind)
  return { ids: reply.value.hits.map(({ id }) => id), degraded: reply.value.degraded, encoded }
}

describe('search that is late', () => {
  it('in time uses words and vectors', async () => {
    expect(await searchWith(1, 'hybrid')).toEqual({ ids: ['lamp-1', 'light-1'], degraded: [], encoded: 1 })
  })
  it('after the words leaves the vectors out, and says so', async () => {
    expect(await searchWith(101, 'hybrid')).toEqual({
      ids: ['lamp-1'],
      degraded: ['retrieve-over-budget'],
      encoded: 0,
    })
  })
  it('waits when only vectors were asked for', async () => {
    const { degraded, encoded } = await searchWith(101, 'vector')
    expect({ degraded, encoded }).toEqual({ degraded: [], encoded: 1 })
  })
})

describe('search for a shopper', () => {
  const brands = ['Acme', 'Nord', 'Sona']
  const lamps: FixtureItem[] = Array.from({ length: 150 }, (_, n) => ({
    ...{ id: `l${n}`, title: `lamp ${n % 7 === 0 ? 'lamp' : ''} ${n}`, brand: brands[n % 3]! },
    ...{ category: ['Home', n % 2 === 0 ? 'Floor lamps' : 'Table lamps'], price: 10 + n },
  }))
  const affinities = {
    brands: new Map([['Nord', 1]]),
    categories: new Map([
      ['Floor lamps', 0.7],
      ['Chairs', 0.3],
    ]),
    priceBands: new Map([[priceBand(50), 1]]),
  }
  const open = async (tastes: Affinities, degraded: string[] = []) => {
    const shop = await fixtureIndex(lamps)
    const encoder = { encode: async () => ok(LAMP) }
    const search = createSearch({
      encoder,
      ...sources,
      tastesOf: async () => ({ affinities: tastes, degraded }),
    })
    return async (user: string | null, offset: number, limit: number) => {
      const request = { ...REQUEST, mode: 'lexical' as const, user, offset, limit }
      const reply = await search(shop, request, new StageTimer(() => 0, BUDGETS), () => {})
      if (!reply.ok) throw new Error(reply.error.kind)
      return reply.value
    }
  }
  it('has the same hits in another order, page by page none twice and none lost', async () => {
    const page = await open(affinities)
    const [plain, whole] = [await page(null, 0, 150), await page('u', 0, 150)]
    const ids = (reply: { hits: { id: string }[] }) => reply.hits.map(({ id }) => id)
    expect(ids(whole)).not.toEqual(ids(plain))
    expect(ids(whole).toSorted()).toEqual(ids(plain).toSorted())
    const pages = await Promise.all([0, 40, 80, 120].map((offset) => page('u', offset, 40)))
    expect(pages.flatMap(ids)).toEqual(ids(whole))
    expect(whole.hits[0]).toMatchObject({ brand: 'Nord', category: ['Home', 'Floor lamps'] })
  })
  it('what fits the query better by more than the gain stays before the rest', async () => {
    const page = await open(affinities)
    const plain = new Map((await page(null, 0, 150)).hits.map(({ id, score }) => [id, score]))
    const { hits } = await page('u', 0, PERSONAL_DEPTH)
    hits.forEach((hit, at) => {
      for (const later of hits.slice(at + 1))
        expect(plain.get(hit.id)! * (1 + TASTE_GAIN_MAX) + 1e-6).toBeGreaterThanOrEqual(plain.get(later.id)!)
    })
  })
  it('without tastes is the search of everybody, and says why it has none', async () => {
    const page = await open(NO_AFFINITIES, ['profile-timeout'])
    const [plain, own] = [await page(null, 0, 20), await page('u', 0, 20)]
    expect(own.hits).toEqual(plain.hits)
    expect([plain.degraded, own.degraded]).toEqual([[], ['profile-timeout']])
  })
})
