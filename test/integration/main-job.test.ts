/** @file The main job on the real parts: edge in workerd, worker process, queue, DynamoDB. Faults are in faults.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Run } from '../../shared/schema/models.ts'
import type { QualityReport } from '../../shared/schema/quality-report.ts'
import type { ItemReply, RankedReply, SearchReply, StatusReply } from '../../shared/schema/replies.ts'
import { eventually, openShop, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop({ items: 200 })
}, 120_000)
afterAll(async () => {
  await shop?.close()
})

const search = (q: string, more = '') =>
  shop.public.get<SearchReply>(`/v1/search?q=${encodeURIComponent(q)}${more}`)
const call = (method: string, path: string, body?: unknown, key = shop.stack.keys.secret) =>
  fetch(shop.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

describe('catalogue to search', () => {
  it('finds an item by its title, with a reason, the index version and the model', async () => {
    const item = shop.items[3]!
    const reply = await search(item.title)
    expect(reply.hits.map((hit) => hit.id)).toContain(item.id)
    expect(reply.hits[0]!.reasons[0]).toMatch(/^matches/)
    expect(reply.indexVersion).toBeGreaterThan(0)
    expect(reply.model).toBeTruthy()
  })

  it('starts with the shipped model, which is trained', async () => {
    const status = await shop.secret.get<StatusReply>('/v1/status')
    expect(status.model).toMatchObject({ trained: true, dim: 256, layers: 4 })
    expect(status.items).toMatchObject({ accepted: 200, searchable: 200 })
    expect(status.index.residentBytes).toBeGreaterThan(0)
  })

  it('shows a changed title, then nothing after the item is deleted', async () => {
    const id = shop.items[5]!.id
    expect(
      (await call('PATCH', `/v1/items/${encodeURIComponent(id)}`, { title: 'Quixotic zamboni' })).status,
    ).toBe(200)
    await eventually(
      () => search('zamboni'),
      (reply) => reply.hits[0]?.id === id,
    )
    expect((await call('DELETE', `/v1/items/${encodeURIComponent(id)}`)).ok).toBe(true)
    await eventually(
      () => search('zamboni'),
      (reply) => reply.hits.length === 0,
    )
    expect((await call('GET', `/v1/items/${encodeURIComponent(id)}`)).status).toBe(404)
  })

  it('changes a price without encoding the item again', async () => {
    const id = shop.items[7]!.id
    const encodedBefore = await itemsEncoded()
    await call('PATCH', `/v1/items/${encodeURIComponent(id)}`, { price: 7_777_777 })
    const title = encodeURIComponent(shop.items[7]!.title)
    await eventually(
      () =>
        shop.public.get<SearchReply>(`/v1/search?q=${title}&filter=${encodeURIComponent('price=7777777')}`),
      (reply) => reply.hits[0]?.id === id,
    )
    expect(await itemsEncoded()).toBe(encodedBefore)
  })

  it('keeps ids with slashes and emoji usable through every route', async () => {
    const id = 'odd/é 🎧#1'
    const accepted = await call('POST', '/v1/items', [{ id, title: 'Peculiar headphones' }])
    expect(accepted.status).toBeLessThan(300)
    const path = `/v1/items/${encodeURIComponent(id)}`
    await eventually(
      () => shop.secret.get<ItemReply>(path),
      (reply) => reply.searchable,
    )
    expect((await search('peculiar')).hits[0]!.id).toBe(id)
    const similar = await shop.public.get<RankedReply>(`${path}/similar?limit=3`)
    expect(similar.hits.map((hit) => hit.id)).not.toContain(id)
  })

  it('keeps a refused row in quarantine with its rule and field, and takes it in after a replay', async () => {
    const reply = await call('POST', '/v1/items', [{ id: 'bad-1', title: 'Negative thing', price: -5 }])
    expect(await reply.json()).toMatchObject({ received: 1, accepted: 0, quarantined: 1 })
    const list = await shop.secret.get<{
      rows: { id: string; itemId: string; findings: { rule: string; field: string }[] }[]
    }>('/v1/quarantine')
    const row = list.rows.find((entry) => entry.itemId === 'bad-1')!
    expect(row.findings).toContainEqual(expect.objectContaining({ rule: 'impossible-price', field: 'price' }))
    const again = await call('POST', `/v1/quarantine/${row.id}/replay`, {
      item: { id: 'bad-1', title: 'Negative thing', price: 5 },
    })
    expect(again.status).toBeLessThan(300)
    await eventually(
      () => search('negative thing'),
      (found) => found.hits.some((hit) => hit.id === 'bad-1'),
    )
  })

  it('reports on its data when it is asked to', async () => {
    await call('POST', '/v1/items', [{ id: 'bad-2' }])
    const ordered = (await (await call('POST', '/v1/quality/run')).json()) as Run
    expect(ordered.kind).toBe('quality')
    await eventually(
      () => shop.secret.get<Run>(`/v1/runs/${ordered.id}`),
      ({ state }) => state === 'done',
    )
    const report = await shop.secret.get<QualityReport>('/v1/quality')
    expect(report).toMatchObject({ source: 'catalogue', quarantined: 1 })
    expect(report.accepted).toBeGreaterThanOrEqual(199)
    expect(report.rules.find(({ rule }) => rule === 'missing-title')?.examples[0]?.itemId).toBe('bad-2')
    const page = await call('GET', '/v1/quality/report.html')
    expect(await page.text()).toContain('What to fix first')
  })
})

describe('events to recommendations', () => {
  it('turns views into "because you viewed", and leaves out what was bought', async () => {
    const [viewed, bought] = [shop.items[10]!, shop.items[30]!]
    const event = (kind: string, itemId: string) => ({
      eventId: `${kind}-${itemId}`,
      kind,
      userId: 'ada',
      sessionId: 's1',
      time: new Date().toISOString(),
      itemIds: [itemId],
    })
    const sent = await call(
      'POST',
      '/v1/events',
      [event('view', viewed.id), event('purchase', bought.id)],
      shop.stack.keys.public,
    )
    expect(sent.status).toBe(202)
    const reply = await eventually(
      () => shop.public.get<RankedReply>('/v1/recommendations?userId=ada&limit=20'),
      (ranked) => ranked.hits.some((hit) => hit.reasons.some((reason) => reason.startsWith('because you'))),
    )
    expect(reply.hits.map((hit) => hit.id)).not.toContain(bought.id)
  })

  it('gives a cold shopper a list that is not all of one category', async () => {
    const reply = await shop.public.get<RankedReply>('/v1/recommendations?userId=nobody-yet&limit=12')
    expect(reply.hits).toHaveLength(12)
    expect(new Set(reply.hits.map((hit) => hit.category[0])).size).toBeGreaterThan(2)
  })
})

const itemsEncoded = async (): Promise<number> => {
  const health = (await (await fetch(shop.stack.workerHealthUrl(0))).json()) as { itemsEncoded: number }
  return health.itemsEncoded
}
