/** @file A divided index in workerd, with real Durable Objects: the whole way from `/v1/search` and back. */
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createIndexItems } from '../shared/retrieval/item-source.ts'
import { createIndexSource } from '../shared/retrieval/source.ts'
import { suggest } from '../shared/retrieval/suggest.ts'
import { MANIFEST_KEY } from '../shared/schema/manifest.ts'
import type { RankedReply, SearchReply, StatusReply, SuggestReply } from '../shared/schema/replies.ts'
import { analyseQuery } from '../shared/text/analyse.ts'
import { type Divided, divideIndex } from '../test/fixtures/divided-index.ts'
import { call, env, KEYS, prepareDatabase } from '../test/fixtures/edge.ts'
import { SearchShard } from './index.ts'
import { toHits } from './ranking/ranked.ts'
import { NO_SIGNALS } from './ranking/signals.ts'
import { StageTimer } from './ranking/stages.ts'
import { findSimilar } from './similar/similar.ts'

const COLOURS = ['red', 'blue', 'green']
const SEGMENTS = [0, 1, 2, 3].map((part) =>
  Array.from({ length: 20 }, (_, at) => ({
    number: 20 * part + at + 1,
    title: `${COLOURS[(part + at) % 3]} ${at % 2 ? 'lamp' : 'chair'} ${part}x${at}`,
    price: at,
  })),
)
let divided: Divided

beforeAll(async () => {
  await prepareDatabase()
  // The last segment replaces two rows of the first.
  divided = await divideIndex(
    [
      ...SEGMENTS,
      [
        { number: 2, version: 2, title: 'red lamp renewed' },
        { number: 4, version: 2 },
      ],
    ],
    [0, 1, 2, 0, 1],
  )
  for (const [key, bytes] of divided.objects) await env.BUCKET.put(key, bytes)
  await env.BUCKET.put(MANIFEST_KEY, JSON.stringify(divided.manifest))
})
afterEach(() => vi.restoreAllMocks())

const search = async (q: string, more = '') =>
  (await call<SearchReply>('GET', `/v1/search?q=${encodeURIComponent(q)}${more}`, { key: KEYS.public })).body

describe('search on shards', () => {
  it.each([
    ['red lamp ', '', undefined],
    ['lmap', '&limit=5&offset=3', undefined],
    ['chair', '&filter=price%3C5', 5],
  ])('"%s"%s: answers what one isolate with all of it would', async (q, more, below) => {
    // The first request to a cold shard may be too early for it.
    await expect.poll(async () => (await search(q, more)).degraded, { timeout: 20_000 }).toEqual([])
    const reply = await search(q, more)
    const params = new URLSearchParams(more)
    const whole = await createIndexSource(divided.index).retrieve({
      terms: analyseQuery(q),
      vector: null,
      vectorWeight: 0,
      filter: below === undefined ? [] : [{ kind: 'range', field: 'price', op: '<', value: below }],
      facets: [],
      offset: Number(params.get('offset') ?? 0),
      limit: Number(params.get('limit') ?? 20),
    })
    expect(reply.hits.length).toBeGreaterThan(0)
    expect(reply.hits.map(({ id }) => id)).toEqual(whole!.items.map(({ display }) => display.id))
    expect(reply.hits.map(({ score }) => score)).toEqual(
      whole!.items.map(({ score }) => Math.round(score * 1e6) / 1e6),
    )
    expect(reply.total).toBe(whole!.total)
    expect(reply.indexVersion).toBe(1)
  })
  it('shows the newer of two versions in different shards, and nothing of a removed item', async () => {
    const { hits } = await search('lamp', '&limit=100')
    const ids = hits.map(({ id }) => id)
    expect(hits.find(({ id }) => id === 'i2')!.title).toBe('red lamp renewed')
    expect(ids).not.toContain('i4')
    expect(new Set(ids).size).toBe(ids.length)
  })
  it('counts the items of all shards', async () => {
    const { body } = await call<StatusReply>('GET', '/v1/status')
    expect(body.items.searchable).toBe(79)
    expect(body.index.fault).toBeNull()
  })
  it('makes recommendations, similar items and suggestions of all shards', async () => {
    const whole = createIndexItems(divided.index)
    const stages = new StageTimer(() => 0, { profile: 1, retrieve: 1, rank: 1, diversify: 1 })
    const similar = (await findSimilar(whole, NO_SIGNALS, 'i2', 20, stages))!
    const get = async <T>(path: string) => (await call<T>('GET', path, { key: KEYS.public })).body
    const { hits, degraded } = await get<RankedReply>('/v1/items/i2/similar')
    expect(degraded).toEqual([])
    expect(hits).toEqual(await toHits(whole, similar.ranked))
    // A shopper of whom no other file has told the store, which is one for all of them.
    const list = await get<RankedReply>('/v1/recommendations?userId=new-to-shards&limit=100')
    // The store may be slow to begin; nothing is missing of the index.
    expect(list.degraded.filter((name) => !name.startsWith('profile'))).toEqual([])
    expect(list.hits).toHaveLength(79)
    const suggested = await get<SuggestReply>('/v1/suggest?q=gren')
    expect(suggested.degraded).toEqual([])
    expect(suggested.suggestions).toEqual(suggest(divided.index, 'gren', 10, []))
    expect(suggested.suggestions.length).toBeGreaterThan(0)
    const { status } = await call('GET', '/v1/items/i4/similar', { key: KEYS.public })
    expect(status).toBe(404)
  })
  it.each([
    ['a shard is out of memory', 'failed'],
    ['segment-corrupt: segment s1 is malformed', 'segment-corrupt'],
  ])('names a shard that throws "%s"; the others answer', async (message, fault) => {
    const real = SearchShard.prototype.search
    vi.spyOn(SearchShard.prototype, 'search').mockImplementation(async function (
      this: SearchShard,
      slice,
      query,
    ) {
      if (slice.manifest.segments.length === 1) throw new Error(message)
      return real.call(this, slice, query)
    })
    const reply = await search('lamp', '&limit=100')
    expect(reply.degraded).toEqual([`shard-2-${fault}`])
    const { faults } = (await call<StatusReply>('GET', '/v1/status')).body
    expect(faults.find(({ name }) => name === `shard-2-${fault}`)!.count).toBeGreaterThan(0)
    expect(reply.hits.length).toBeGreaterThan(20)
  })
  it('names a shard that hangs, and does not wait for it', async () => {
    const real = SearchShard.prototype.search
    let release = () => {}
    const hang = new Promise<void>((resolve) => {
      release = resolve
    })
    vi.spyOn(SearchShard.prototype, 'search').mockImplementation(async function (
      this: SearchShard,
      slice,
      query,
    ) {
      if (slice.manifest.segments.length === 1) await hang
      return real.call(this, slice, query)
    })
    const reply = await search('lamp', '&limit=100')
    release()
    expect(reply.degraded).toEqual(['shard-2-timeout'])
    expect(reply.hits.length).toBeGreaterThan(20)
  })
})
