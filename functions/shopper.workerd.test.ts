/** @file What a shop page calls, in workerd on a small published index: search, similar, recommendations, events, status, page. */
import { createMessageBatch, createScheduledController } from 'cloudflare:test'
import { beforeAll, describe, expect, it } from 'vitest'
import type { StoredEvent } from '../shared/schema/events.ts'
import type { ProblemDocument } from '../shared/schema/problem.ts'
import type {
  EventsReply,
  RankedReply,
  SearchReply,
  StatusReply,
  SuggestReply,
} from '../shared/schema/replies.ts'
import { call, env, KEYS, prepareDatabase, publishIndex, sendJson } from '../test/fixtures/edge.ts'
import worker from './index.ts'

const VECTORS = { audio: Float32Array.of(1, 0.1, 0, 0), ink: Float32Array.of(0, 0, 1, 0.1) }
const ITEMS = [
  {
    id: 'spk-1',
    title: 'Bluetooth speaker black',
    brand: 'Nord',
    category: ['Audio', 'Speakers'],
    price: 50,
    stock: 3,
  },
  {
    id: 'spk-2',
    title: 'Bluetooth speaker white',
    brand: 'Nord',
    category: ['Audio', 'Speakers'],
    price: 150,
    stock: 0,
  },
  {
    id: 'hd-1',
    title: 'Wireless headphones',
    brand: 'Sona',
    category: ['Audio', 'Headphones'],
    price: 80,
    stock: 9,
  },
  {
    id: 'ink-1',
    title: 'HP 301 ink cartridge',
    brand: 'HP',
    category: ['Office', 'Ink'],
    price: 20,
    stock: 5,
  },
  {
    id: 'ink-2',
    title: 'HP 302 ink cartridge',
    brand: 'HP',
    category: ['Office', 'Ink'],
    price: 25,
    stock: 5,
  },
  {
    id: 'zh/音箱',
    title: '蓝牙音箱 防水',
    brand: '',
    category: ['Audio', 'Speakers'],
    price: null,
    stock: null,
  },
].map((item) => ({ ...item, vector: item.category[0] === 'Audio' ? VECTORS.audio : VECTORS.ink }))

beforeAll(async () => {
  await prepareDatabase()
  await publishIndex(ITEMS)
})

const get = <T>(path: string) => call<T>('GET', path, { key: KEYS.public })
const search = (q: string, more = '') => get<SearchReply>(`/v1/search?q=${encodeURIComponent(q)}${more}`)
const idsOf = ({ body }: { body: { hits: { id: string }[] } }) => body.hits.map(({ id }) => id)
const filtered = (filter: string) => `&filter=${encodeURIComponent(filter)}`

describe('facets', () => {
  it('count all matches under the filter, not only the page, and only those asked for', async () => {
    const { body } = await search('bluetooth ', `&limit=1&facets=brand,price${filtered('category=Speakers')}`)
    expect(body.hits.length).toBe(1)
    expect(body.facets).toEqual({
      brand: [{ value: 'Nord', count: 2 }],
      price: [
        { from: 50, to: 100, count: 1 },
        { from: 100, to: 200, count: 1 },
      ],
    })
    expect((await search('ink', '&facets=category')).body.facets).toMatchObject({
      category: [
        { value: 'Office', path: ['Office'], count: 2 },
        { value: 'Ink', path: ['Office', 'Ink'], count: 2 },
      ],
    })
    expect((await search('ink')).body.facets).toBeUndefined()
  })
  it('that do not exist are refused', async () => {
    const reply = await call<ProblemDocument>('GET', '/v1/search?q=ink&facets=colour', { key: KEYS.public })
    expect(reply.status).toBe(400)
    expect(JSON.stringify(reply.body)).toContain('facets')
  })
})

describe('suggestions', () => {
  const suggest = (q: string) => get<SuggestReply>(`/v1/suggest?q=${encodeURIComponent(q)}`)
  it('complete what is typed, also with a typing error, and say of which index', async () => {
    const { status, body } = await suggest('blueto')
    expect([status, body.indexVersion, body.suggestions[0]]).toEqual([200, 1, 'bluetooth speaker'])
    expect((await suggest('wirelss head')).body.suggestions).toEqual(['wireless headphones'])
    expect((await suggest('')).body.suggestions).toEqual([])
  })
  it('are at most ten', async () => {
    expect((await get('/v1/suggest?q=a&limit=11')).status).toBe(400)
  })
})

describe('search', () => {
  it('finds by words, with score, reason, index version and model', async () => {
    const reply = await search('bluetooth speaker')
    expect(idsOf(reply).slice(0, 2)).toEqual(['spk-1', 'spk-2'])
    expect(reply.body.hits[0]).toMatchObject({
      reasons: ["matches 'bluetooth speaker'"],
      price: 50,
      inStock: true,
    })
    expect(reply.body.hits[0]!.score).toBeGreaterThan(0)
    expect(reply.body).toMatchObject({ indexVersion: 1, model: 'm1', mode: 'hybrid', degraded: [] })
  })
  it('finds what is still being typed, and Chinese', async () => {
    expect(idsOf(await search('bluetoo'))).toContain('spk-1')
    expect(idsOf(await search('音箱'))).toEqual(['zh/音箱'])
  })
  it.each([
    ['price<100', ['spk-1']],
    ['inStock', ['spk-1']],
    ['price>=100 AND brand=nord', ['spk-2']],
    ['brand!="Nord"', []],
  ])('filters by %s', async (filter, ids) => {
    expect(idsOf(await search('bluetooth', filtered(filter)))).toEqual(ids)
  })
  it('pages without repeating or losing a hit', async () => {
    const whole = idsOf(await search('ink cartridge'))
    const first = await search('ink cartridge', '&limit=1')
    const second = await search('ink cartridge', '&limit=1&offset=1')
    expect([...idsOf(first), ...idsOf(second)]).toEqual(whole)
    expect(first.body.total).toBe(2)
  })
  it('a query of stop words only is asked literally and finds nothing here', async () => {
    const reply = await search('the and it ')
    expect(reply.status).toBe(200)
    expect(reply.body.hits).toEqual([])
  })
  it('bears NUL, lone surrogates and emoji in a query', async () => {
    for (const q of ['%00speaker', '%ED%A0%80speaker', '%F0%9F%8E%A7 speaker'])
      expect((await get<SearchReply>(`/v1/search?q=${q}`)).status).toBe(200)
  })
  it.each([
    ['no query', '', 'q'],
    ['an empty query', '?q=', 'q'],
    ['a blank query', '?q=%20%20', 'q'],
    ['a query of 4 kB', `?q=${'x'.repeat(4_096)}`, 'q'],
    ['limit=0', '?q=x&limit=0', 'limit'],
    ['limit=-1', '?q=x&limit=-1', 'limit'],
    ['limit=1e9', '?q=x&limit=1e9', 'limit'],
    ['limit=ten', '?q=x&limit=ten', 'limit'],
    ['offset beyond the depth', '?q=x&limit=10&offset=995', 'offset'],
    ['an unknown mode', '?q=x&mode=magic', 'mode'],
    ['a filter without a value', `?q=x${filtered('price<')}`, 'filter'],
    ['a filter that compares text', `?q=x${filtered('brand<HP')}`, 'filter'],
    ['a filter with an open quote', `?q=x${filtered('brand="HP')}`, 'filter'],
    ['a filter of 2 kB', `?q=x${filtered('x'.repeat(2_000))}`, 'filter'],
  ])('%s is a bad request that names the parameter', async (_name, query, parameter) => {
    const reply = await get<ProblemDocument>(`/v1/search${query}`)
    expect(reply.status).toBe(400)
    expect(reply.body.errors!.map(({ path }) => path)).toContain(parameter)
  })
  it('says where in a filter the error is', async () => {
    const reply = await get<ProblemDocument>(`/v1/search?q=x${filtered('price<100 OR inStock')}`)
    expect(reply.body.detail).toContain('at character 11')
  })
})

describe('the times of a reply', () => {
  it('fit the binding that they are written to', () => {
    // Miniflare's takes points and keeps none: what they hold is in test/contract/stage-report.test.ts.
    const point = { indexes: ['search'], blobs: ['search', '', 'm1'], doubles: [1, -1] }
    expect(() => env.ANALYTICS!.writeDataPoint(point)).not.toThrow()
  })
  const stagesOf = async (path: string) => {
    const header = (await get(path)).headers.get('server-timing') ?? ''
    return header.split(', ').map((metric) => /^([a-z]+);dur=\d+(\.\d+)?$/.exec(metric)?.[1])
  }
  it('name the stages that ran', async () => {
    expect(await stagesOf('/v1/search?q=speaker')).toEqual(['auth', 'index', 'retrieve', 'rank'])
    expect(await stagesOf('/v1/items/spk-1/similar')).toEqual(['auth', 'index', 'retrieve', 'rank'])
    expect(await stagesOf('/v1/recommendations?userId=nobody')).toEqual([
      'auth',
      'index',
      'profile',
      'retrieve',
      'rank',
      'diversify',
    ])
  })
})

describe('similar items', () => {
  it('come with reasons, without the item itself, whatever its id', async () => {
    const reply = await get<RankedReply>('/v1/items/spk-1/similar?limit=3')
    expect(idsOf(reply).slice(0, 2).sort()).toEqual(['spk-2', 'zh/音箱'])
    expect(idsOf(reply)).not.toContain('spk-1')
    for (const hit of reply.body.hits) expect(hit.reasons.length).toBeGreaterThan(0)
    const odd = await get<RankedReply>(`/v1/items/${encodeURIComponent('zh/音箱')}/similar`)
    expect(idsOf(odd)).not.toContain('zh/音箱')
  })
  it('of an unknown item are 404', async () => {
    expect((await get('/v1/items/none/similar')).status).toBe(404)
    expect((await get('/v1/items/spk-1/similar?limit=0')).status).toBe(400)
  })
})

const NOW = () => new Date().toISOString()
let eventCount = 0
const event = (fields: Record<string, unknown>) => ({
  eventId: `e${eventCount++}`,
  kind: 'view',
  userId: 'ada',
  time: NOW(),
  itemIds: ['spk-1'],
  ...fields,
})
const send = (events: unknown) =>
  sendJson<EventsReply & ProblemDocument>('POST', '/v1/events', events, { key: KEYS.public })
const DAY = 86_400_000

describe('events', () => {
  it.each([
    ['an unknown kind', { kind: 'stare' }, 'kind'],
    ['no user', { userId: '' }, 'userId'],
    ['no item', { itemIds: [] }, 'itemIds'],
    ['a search without a query', { kind: 'search', itemIds: [] }, 'query'],
    ['a rating of 9', { kind: 'rating', rating: 9 }, 'rating'],
    ['a clock 10 years ahead', { time: new Date(Date.now() + 3_650 * DAY).toISOString() }, 'in the future'],
    ['a clock 10 years behind', { time: new Date(Date.now() - 3_650 * DAY).toISOString() }, 'two years ago'],
    ['a time that is none', { time: 'yesterday' }, 'time'],
    ['a field that is not known', { iteemIds: ['x'] }, 'iteemIds'],
  ])('%s: that event is refused with a reason, the others are taken', async (_name, fields, words) => {
    const reply = await send([event(fields), event({})])
    expect(reply.status).toBe(202)
    expect(reply.body.accepted).toBe(1)
    expect(reply.body.rejected).toHaveLength(1)
    expect(reply.body.rejected[0]!.message).toContain(words)
    expect((await send([event(fields)])).status).toBe(400)
  })
  it('an item that the catalogue does not know is left out with a warning', async () => {
    const reply = await send([event({ itemIds: ['spk-1', 'ghost'] })])
    expect(reply.body).toMatchObject({ accepted: 1, rejected: [], warnings: [{ index: 0 }] })
    expect(reply.body.warnings[0]!.message).toContain('ghost')
  })
  it.each([
    ['not JSON', '{', 400],
    ['501 events', JSON.stringify(Array(501).fill({})), 413],
    ['2 MiB', `["${'x'.repeat(2 ** 21)}"]`, 413],
  ])('%s is refused as a whole', async (_name, body, status) => {
    const reply = await call('POST', '/v1/events', { body, headers: { 'content-type': 'application/json' } })
    expect(reply.status).toBe(status)
  })
})

describe('events to profile, counts and log', () => {
  const USER = 'f'.repeat(32)
  const stored = (eventId: string, fields: Partial<StoredEvent> = {}): StoredEvent => ({
    eventId,
    kind: 'purchase',
    user: USER,
    timeMs: Date.now(),
    items: [1, 3],
    session: 's1',
    suspectedBot: false,
    ...fields,
  })
  const deliver = (events: StoredEvent[]) =>
    worker.queue(
      createMessageBatch('events', [
        { id: crypto.randomUUID(), timestamp: new Date(), attempts: 1, body: { kind: 'events', events } },
      ]),
      env,
    )
  const counted = async () =>
    (await env.DB.prepare("SELECT sum(count) AS n FROM item_counts WHERE kind = 'purchase'").first<{
      n: number
    }>())!.n

  it('counts an event once, however often its message comes', async () => {
    const before = (await counted()) ?? 0
    await deliver([stored('once')])
    await deliver([stored('once')])
    expect(await counted()).toBe(before + 2)
  })
  it('keeps suspected bots in the log only', async () => {
    const before = (await counted()) ?? 0
    await deliver([stored('bot', { suspectedBot: true })])
    expect(await counted()).toBe(before)
    const { objects } = await env.BUCKET.list({ prefix: 'events/' })
    expect(objects.length).toBeGreaterThan(0)
    for (const { key } of objects)
      expect(key).toMatch(/^events\/date=\d{4}-\d\d-\d\d\/hour=\d\d\/[0-9a-f]{24}\.parquet$/)
  })
  it('a malformed message does not stop the others of its batch', async () => {
    const before = (await counted()) ?? 0
    const good = { kind: 'events', events: [stored('good-one')] }
    const batch = createMessageBatch<unknown>('events', [
      { id: 'm1', timestamp: new Date(), attempts: 1, body: { nonsense: true } },
      { id: 'm2', timestamp: new Date(), attempts: 1, body: good },
    ])
    await worker.queue(batch, env)
    expect(await counted()).toBe(before + 2)
  })
  it('cron turns counts into popular and bought-together lists, and into queries of at least three shoppers', async () => {
    const asked = (id: string, user: string, query: string) =>
      stored(id, { kind: 'search', query, user: user.repeat(32), session: undefined })
    const searches = [...'abc'].flatMap((user) => [
      asked(`q1${user}`, user, ' Ink  JET'),
      asked(`q2${user}`, user === 'c' ? 'b' : user, 'my own name'),
    ])
    await deliver([stored('again', { session: 's2' }), stored('third', { session: 's3' })])
    await deliver(searches)
    await deliver(searches)
    await worker.scheduled(createScheduledController({ cron: '* * * * *' }), env)
    const signals = await (await env.BUCKET.get('signals/current.json'))!.json<{
      popular: [number, number][]
      together: Record<string, [number, number][]>
      queries: [string, number][]
    }>()
    expect(signals.queries).toEqual([['ink jet', 3]])
    expect(signals.popular.map(([number]) => number)).toEqual(expect.arrayContaining([1, 3]))
    expect(signals.together['1']![0]![0]).toBe(3)
  })
})

describe('recommendations', () => {
  const recommend = (userId: string, more = '') =>
    get<RankedReply>(`/v1/recommendations?userId=${userId}${more}`)

  it('a new shopper gets items in stock from several categories', async () => {
    // The first read of a cold connection may miss the profile's 50 ms on a busy machine.
    await expect.poll(async () => (await recommend('nobody')).body.degraded, { timeout: 20_000 }).toEqual([])
    const reply = await recommend('nobody')
    expect(new Set(reply.body.hits.map(({ category }) => category[0])).size).toBeGreaterThan(1)
    expect(idsOf(reply)).not.toContain('spk-2')
  })
  it('follow what the shopper did, and leave out what was bought', async () => {
    await send([
      event({ userId: 'ben', itemIds: ['ink-1'], kind: 'view' }),
      event({ userId: 'ben', itemIds: ['hd-1'], kind: 'purchase' }),
    ])
    await expect
      .poll(async () => (await recommend('ben')).body.hits.flatMap(({ reasons }) => reasons).join(), {
        timeout: 20_000,
      })
      .toContain("because you viewed 'HP 301 ink cartridge'")
    const ids = idsOf(await recommend('ben'))
    expect(ids).not.toContain('hd-1')
    expect(ids).toContain('ink-2')
  })
  it('leave out the item being looked at and the cart', async () => {
    const ids = idsOf(await recommend('nobody', '&itemId=spk-1&cart=ink-1,ghost'))
    expect(ids).not.toContain('spk-1')
    expect(ids).not.toContain('ink-1')
    expect(ids.length).toBeGreaterThan(0)
  })
  it.each([
    ...['', '?userId=', '?userId=x&limit=0', '?userId=x&limit=1e9', `?userId=x&cart=${'a,'.repeat(60)}`],
    ...['?scenario=similar', '?userId=x&scenario=magic', '?userId=x&recent=stare:a', '?userId=x&explore=0.6'],
    ...[
      '?userId=x&sponsored=a:0',
      '?userId=x&boost=100:price<5',
      '?userId=x&boost=price<5',
      '?userId=x&lang=fr',
    ],
    ...['?userId=x&filter=price<', '?userId=x&filter=colour=red', `?userId=x&pin=${'a,'.repeat(11)}`],
    `?userId=x&recent=${'view:a,'.repeat(21)}`,
  ])('%s is a bad request', async (query) => {
    expect((await get(`/v1/recommendations${query}`)).status).toBe(400)
  })
  it('have scenarios, rules, Chinese reasons, and parts of their scores', async () => {
    const similar = await get<RankedReply>('/v1/recommendations?scenario=similar&itemId=ink-1&limit=1')
    expect(idsOf(similar)).toEqual(['ink-2'])
    const rules = '&filter=price%3C60&pin=hd-1,ink-2&sponsored=spk-1:2&lang=zh&explain=true'
    const { hits } = (await recommend('nobody', rules)).body
    // The pinned headphones cost more than the filter allows.
    expect(hits.slice(0, 2).map(({ id }) => id)).toEqual(['ink-2', 'spk-1'])
    expect(hits[0]!.reasons[0]).toBe('商家推荐')
    expect(hits[1]).toMatchObject({ sponsored: true })
    expect(hits.every(({ price }) => price !== null && price < 60)).toBe(true)
    const own = hits.find(({ attribution }) => attribution !== undefined)!
    const sum = Object.values(own.attribution!).reduce((a, b) => a + b, 0)
    expect(Math.abs(sum - own.score)).toBeLessThanOrEqual(2e-6)
  })
  it('follow what the page says was just done, before its event is there', async () => {
    const { hits } = (await recommend('quite-new', '&recent=view:ink-1')).body
    expect(hits.flatMap(({ reasons }) => reasons)).toContain("because you viewed 'HP 301 ink cartridge'")
  })
  it('no shopper id is kept anywhere, only its pseudonym', async () => {
    const { results } = await env.DB.prepare('SELECT DISTINCT user FROM events_seen').all<{ user: string }>()
    expect(results.length).toBeGreaterThan(0)
    for (const { user } of results) expect(user).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('status and page', () => {
  it('status counts what there is', async () => {
    const { body } = await call<StatusReply>('GET', '/v1/status')
    expect(body.items).toMatchObject({ accepted: 6, searchable: 6, quarantined: 0 })
    expect(body.index).toMatchObject({ version: 1, segments: 1, fault: null })
    expect(body.index).toMatchObject({ kernels: 'relaxed-simd', estimatedRows: 0, missingRows: 0 })
    expect(body.index.residentBytes).toBeGreaterThan(body.index.vectorBytes)
    expect(body.model).toEqual({
      id: 'm1',
      trained: false,
      dim: 4,
      layers: 1,
      vectorWeight: 0,
      validatedOn: null,
    })
  })
  it('without a key for it the page is closed and says how to open it', async () => {
    const page = await call<string>('GET', '/', { key: null })
    expect(page.status).toBe(200)
    expect(page.body).toContain('PAGE_KEY')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  })
})
