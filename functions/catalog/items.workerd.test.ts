/** @file Items over HTTP, on D1, R2 and a queue binding in workerd: good input, every kind of bad input, quarantine, dead letters. */
import { createMessageBatch, createScheduledController } from 'cloudflare:test'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ProblemDocument } from '../../shared/schema/problem.ts'
import type { BatchReply, ImportReply, ItemReply } from '../../shared/schema/replies.ts'
import { call, env, KEYS, prepareDatabase, sendJson } from '../../test/fixtures/edge.ts'
import worker from '../index.ts'

beforeAll(prepareDatabase)

const give = (items: unknown, headers: Record<string, string> = {}) =>
  sendJson<ImportReply>('POST', '/v1/items', items, { headers })
const giveText = (body: string, contentType = 'application/json') =>
  call<ProblemDocument>('POST', '/v1/items', { body, headers: { 'content-type': contentType } })
const read = (id: string) => call<ItemReply>('GET', `/v1/items/${encodeURIComponent(id)}`)
const rulesOf = ({ body }: { body: ImportReply }) =>
  body.findings.flatMap(({ findings }) => findings.map(({ rule }) => rule))

describe('a body that is no list of items', () => {
  it.each([
    ['not JSON', '[{"id":', 'application/json', 400, 'not JSON'],
    ['a single object', '{"id":"a"}', 'application/json', 400, 'must be a JSON array'],
    ['empty', '', 'application/json', 400, 'not JSON'],
    ['XML', '<items/>', 'application/xml', 415, 'application/json or application/x-ndjson'],
    [
      '1,001 items',
      JSON.stringify(Array(1_001).fill({ id: 'a', title: 'b' })),
      'application/json',
      413,
      '1,000 items',
    ],
    ['1,001 lines', '{"id":"a","title":"b"}\n'.repeat(1_001), 'application/x-ndjson', 413, '1,000 items'],
    ['5 MiB', `["${'x'.repeat(5 * 2 ** 20)}"]`, 'application/json', 413, '4 MiB'],
  ])('%s is refused as a whole', async (_name, body, type, status, words) => {
    const reply = await giveText(body, type)
    expect(reply.status).toBe(status)
    expect(reply.headers.get('content-type')).toBe('application/problem+json')
    expect(`${reply.body.title} ${reply.body.detail}`).toContain(words)
    expect(reply.body.requestId).toBe(reply.headers.get('x-request-id'))
    expect(JSON.stringify(reply.body)).not.toMatch(/\bat \S+:\d+/)
  })
})

describe('rows that break a rule', () => {
  it.each([
    ['wrong types', { id: 'bad', title: { a: 1 } }, 'wrong-type', 'title'],
    ['no title', { id: 'bad' }, 'missing-title', 'title'],
    ['no id', { title: 'x' }, 'missing-id', 'id'],
    ['a title of 100 kB', { id: 'bad', title: 'x'.repeat(100_000) }, 'title-too-long', 'title'],
    ['a negative price', { id: 'bad', title: 'x', price: -1 }, 'impossible-price', 'price'],
    ['a price of NaN', { id: 'bad', title: 'x', price: 'NaN' }, 'impossible-price', 'price'],
    ['an id of dots', { id: '..', title: 'x' }, 'broken-id', 'id'],
    ['a number for an item', 7, 'not-an-object', ''],
  ])('%s: quarantine names rule and field, the others are taken', async (_name, row, rule, field) => {
    const reply = await give([row, { id: 'good', title: `Good ${rule}` }])
    expect(reply.status).toBe(202)
    expect(reply.body).toMatchObject({ received: 2, accepted: 1, quarantined: 1 })
    expect(reply.body.findings[0]!.findings).toContainEqual(expect.objectContaining({ rule, field }))
    const list = await call<{ rows: { findings: { rule: string; field: string }[] }[] }>(
      'GET',
      '/v1/quarantine',
    )
    expect(list.body.rows.flatMap((one) => one.findings)).toContainEqual(
      expect.objectContaining({ rule, field }),
    )
  })

  it('a broken NDJSON line is one refused row', async () => {
    const reply = await call<ImportReply>('POST', '/v1/items', {
      body: '{"id":"n1","title":"One"}\n{"id":"n2",\n{"id":"n3","title":"Three"}\n',
      headers: { 'content-type': 'application/x-ndjson' },
    })
    expect(reply.body).toMatchObject({ received: 3, accepted: 2, quarantined: 1 })
    expect(rulesOf(reply)).toContain('unreadable-row')
  })

  it('the same faulty row given twice is one row in quarantine', async () => {
    const faulty = { id: 'twice', title: 'x', price: -2 }
    await give([faulty])
    await give([faulty])
    const list = await call<{ rows: { itemId: string }[] }>('GET', '/v1/quarantine?limit=100')
    expect(list.body.rows.filter(({ itemId }) => itemId === 'twice')).toHaveLength(1)
  })
})

describe('rows that are mended', () => {
  it('reads a European price with its currency', async () => {
    await give([{ id: 'euro', title: 'Mug', price: '12,99 €' }])
    expect((await read('euro')).body.item).toMatchObject({ price: 12.99, currency: 'EUR' })
  })
  it('takes NUL and lone surrogates out of text', async () => {
    const reply = await giveText('[{"id":"nul","title":"A\\u0000B \\ud800 C"}]')
    expect(reply.status).toBe(202)
    const { title } = (await read('nul')).body.item
    expect(title).not.toContain('\0')
    expect(title.isWellFormed()).toBe(true)
  })
  it('keeps ids with slashes, blanks and emoji as they are', async () => {
    const id = 'a/b c/🎧?#%'
    await give([{ id, title: 'Odd' }])
    const stored = await read(id)
    expect(stored.status).toBe(200)
    expect(stored.body.item.id).toBe(id)
  })
})

describe('the same thing twice', () => {
  it('of two rows with one id in a call the last counts, and the first is told so', async () => {
    const reply = await give([
      { id: 'dup', title: 'First' },
      { id: 'dup', title: 'Second' },
    ])
    expect(reply.body).toMatchObject({ received: 2, accepted: 2, quarantined: 0 })
    expect(rulesOf(reply)).toContain('repeated-id')
    expect((await read('dup')).body.item.title).toBe('Second')
  })
  it('flags the same content under another id as a duplicate, and keeps both', async () => {
    await give([{ id: 'orig', title: 'Twin lamp', brand: 'Lux' }])
    const reply = await give([{ id: 'copy', title: 'Twin lamp', brand: 'Lux', price: 9 }])
    expect(reply.body).toMatchObject({ accepted: 1, duplicates: 1 })
    expect((await read('copy')).body).toMatchObject({ duplicateOf: 'orig' })
    expect((await read('orig')).body.duplicateOf).toBeNull()
  })
  it('an item that did not change keeps its version; a new price raises it and keeps the content hash', async () => {
    const item = { id: 'v', title: 'Version', price: 1 }
    await give([item])
    await give([item])
    expect((await read('v')).body.version).toBe(1)
    const hash = () =>
      env.DB.prepare("SELECT content_hash AS h FROM items WHERE item_id = 'v'").first<{ h: string }>()
    const before = await hash()
    await give([{ ...item, price: 2 }])
    expect((await read('v')).body.version).toBe(2)
    expect(await hash()).toEqual(before)
  })
  it('an Idempotency-Key gives the first answer again, and is refused for another body', async () => {
    const first = await give([{ id: 'i', title: 'Once' }], { 'idempotency-key': 'k1' })
    const again = await give([{ id: 'i', title: 'Once' }], { 'idempotency-key': 'k1' })
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotent-replay')).toBe('true')
    expect((await give([{ id: 'i', title: 'Other' }], { 'idempotency-key': 'k1' })).status).toBe(409)
  })
})

describe('one item', () => {
  it('changes by PATCH, keeps what is not named, and takes null as "none"', async () => {
    await give([{ id: 'p', title: 'Patch me', brand: 'Brandy', price: 5 }])
    const reply = await sendJson<ItemReply>('PATCH', '/v1/items/p', { price: '6,50', brand: null })
    expect(reply.body.item).toMatchObject({ title: 'Patch me', brand: '', price: 6.5 })
    expect(reply.body).toMatchObject({ version: 2, searchable: false })
  })

  it('warns when a change by PATCH loses the decimal point of a price', async () => {
    await give([{ id: 'slip', title: 'A lamp', price: 12.99 }])
    const reply = await sendJson<ItemReply>('PATCH', '/v1/items/slip', { price: 1299 })
    expect(reply.body.item.price).toBe(1299)
    expect(reply.body.findings).toMatchObject([
      { rule: 'sudden-price-change', severity: 'warn', repair: { value: 12.99 } },
    ])
  })
  it.each([
    ['a change that breaks a rule', 'PATCH', '/v1/items/q', { price: -1 }, 400, 'impossible-price'],
    ['another id', 'PATCH', '/v1/items/q', { id: 'r' }, 400, 'keeps its id'],
    ['a list', 'PATCH', '/v1/items/q', [1], 400, 'JSON object'],
    ['an unknown item', 'PATCH', '/v1/items/none', { price: 1 }, 404, 'no item'],
  ])('%s is refused', async (_name, method, path, body, status, words) => {
    await give([{ id: 'q', title: 'Quiet' }])
    const reply = await sendJson<ProblemDocument>(method, path, body)
    expect(reply.status).toBe(status)
    expect(reply.body.detail).toContain(words)
    expect((await read('q')).body.item).toMatchObject({ title: 'Quiet', price: null })
  })
  it('is gone after DELETE, and comes back under its old number', async () => {
    await give([{ id: 'd', title: 'Gone' }])
    const number = () =>
      env.DB.prepare("SELECT number AS n FROM items WHERE item_id = 'd'").first<{ n: number }>()
    const before = await number()
    expect((await call('DELETE', '/v1/items/d')).status).toBe(204)
    expect((await read('d')).status).toBe(404)
    expect((await call('DELETE', '/v1/items/d')).status).toBe(404)
    await give([{ id: 'd', title: 'Gone' }])
    expect((await read('d')).body.version).toBe(3)
    expect(await number()).toEqual(before)
  })
})

describe('quarantine', () => {
  it('lets a mended row go, and keeps one that is still wrong', async () => {
    await give([{ id: 'mend', title: 'Mend', price: -3 }])
    const list = await call<{ rows: { id: string; itemId: string; raw: unknown }[] }>('GET', '/v1/quarantine')
    const row = list.body.rows.find(({ itemId }) => itemId === 'mend')!
    expect(row.raw).toEqual({ id: 'mend', title: 'Mend', price: -3 })
    const replay = `/v1/quarantine/${row.id}/replay`
    expect((await call<ImportReply>('POST', replay)).body).toMatchObject({ accepted: 0, quarantined: 1 })
    const mended = await sendJson<ImportReply>('POST', replay, {
      item: { id: 'mend', title: 'Mend', price: 3 },
    })
    expect(mended.body).toMatchObject({ accepted: 1, quarantined: 0 })
    expect((await call('POST', replay)).status).toBe(404)
  })
  it('pages without a gap', async () => {
    await give(Array.from({ length: 7 }, (_, n) => ({ id: `page-${n}`, title: 'x', price: -1 - n })))
    const seen: string[] = []
    for (let after = ''; ; ) {
      const page = await call<{ rows: { id: string }[]; next: string | null }>(
        'GET',
        `/v1/quarantine?limit=3${after}`,
      )
      seen.push(...page.body.rows.map(({ id }) => id))
      if (page.body.next === null) break
      after = `&after=${page.body.next}`
    }
    expect(new Set(seen).size).toBe(seen.length)
    const total = await env.DB.prepare('SELECT count(*) AS n FROM quarantine').first<{ n: number }>()
    expect(seen.length).toBe(total!.n)
  })
})

describe('outbox and dead letters', () => {
  const deliver = (queue: string, body: unknown, id: string) =>
    worker.queue(createMessageBatch(queue, [{ id, timestamp: new Date(0), attempts: 9, body }]), env)

  it('writes a batch that the worker can read, with its message', async () => {
    const { batchId } = (await give([{ id: 'o', title: 'Outbox' }])).body
    const blob = await env.BUCKET.get(`batches/${batchId}.ndjson`)
    expect(JSON.parse(await blob!.text())).toMatchObject({ version: 1, item: { id: 'o' } })
    const progress = await call<BatchReply>('GET', `/v1/batches/${batchId}`)
    expect(progress.body).toMatchObject({ state: 'pending', items: 1, searchable: 0 })
    expect((await call('GET', '/v1/batches/none')).status).toBe(404)
  })

  it('a batch whose message was never sent is sent by the sweep, with its blob', async () => {
    const { batchId } = (await give([{ id: 'lost', title: 'Lost on the way' }])).body
    await env.BUCKET.delete(`batches/${batchId}.ndjson`)
    await env.DB.prepare(
      'UPDATE batches SET sent_at = NULL, created_at = created_at - 60000 WHERE batch_id = ?',
    )
      .bind(batchId)
      .run()
    await worker.scheduled(createScheduledController({ cron: '* * * * *' }), env)
    const blob = await env.BUCKET.get(`batches/${batchId}.ndjson`)
    expect(JSON.parse(await blob!.text())).toMatchObject({ item: { id: 'lost' } })
    const row = await env.DB.prepare('SELECT sent_at AS sentAt FROM batches WHERE batch_id = ?')
      .bind(batchId)
      .first<{ sentAt: number | null }>()
    expect(row!.sentAt).not.toBeNull()
  })

  it('a dead letter is listed, marks its batch, and goes back to work by a replay', async () => {
    const { batchId } = (await give([{ id: 'dead', title: 'Dead letter' }])).body
    await deliver('jobs-dlq', { kind: 'index', batchId }, 'letter-1')
    await deliver('jobs-dlq', { kind: 'index', batchId }, 'letter-1')
    const list = await call<{ rows: { id: string; replayedAt: string | null }[] }>('GET', '/v1/dead-letters')
    expect(list.body.rows.filter(({ id }) => id === 'letter-1')).toHaveLength(1)
    expect((await call<BatchReply>('GET', `/v1/batches/${batchId}`)).body.state).toBe('dead-letter')
    const replay = await call<{ replayedAt: string | null }>('POST', '/v1/dead-letters/letter-1/replay')
    expect(replay.body.replayedAt).not.toBeNull()
    expect((await call<BatchReply>('GET', `/v1/batches/${batchId}`)).body.state).toBe('pending')
    expect((await call('POST', '/v1/dead-letters/none/replay')).status).toBe(404)
  })
})

it('a public key may do none of this', async () => {
  for (const [method, path] of [
    ['POST', '/v1/items'],
    ['GET', '/v1/items/a'],
    ['GET', '/v1/quarantine'],
    ['GET', '/v1/dead-letters'],
    ['GET', '/v1/status'],
  ] as const) {
    const reply = await call<ProblemDocument>(method, path, { key: KEYS.public })
    expect([path, reply.status]).toEqual([path, 403])
  }
})
