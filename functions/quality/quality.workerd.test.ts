/** @file The quality report and repairs over HTTP: ordering one, reading it, taking a repair back for good. */
import { beforeAll, describe, expect, it } from 'vitest'
import { startLearning } from '../../shared/quality/catalogue-rules.ts'
import { createReporter } from '../../shared/quality/report/report.ts'
import { Item } from '../../shared/schema/item.ts'
import { QUALITY_RUN_ID, type Run, runKey } from '../../shared/schema/models.ts'
import type { ProblemDocument } from '../../shared/schema/problem.ts'
import { QUALITY_KEY, type QualityReport, REFUSED_KEY, Refused } from '../../shared/schema/quality-report.ts'
import type { ImportReply, ItemReply } from '../../shared/schema/replies.ts'
import { call, env, KEYS, prepareDatabase, sendJson } from '../../test/fixtures/edge.ts'

beforeAll(prepareDatabase)

const report = (() => {
  const reporter = createReporter({ learnt: startLearning().learn(), nowMs: 1_780_000_000_000 })
  reporter.add({ id: 'a', item: Item.parse({ id: 'a', title: '<script>alert(1)</script>' }), findings: [] })
  return reporter.finish({ source: 'catalogue', hiddenShareMax: null })
})()

describe('the report', () => {
  it('is not there before one was made', async () => {
    const reply = await call<ProblemDocument>('GET', '/v1/quality')
    expect(reply.status).toBe(404)
    expect(JSON.stringify(reply.body)).toContain('/v1/quality/run')
  })
  it('comes as it was written, and as a page in which a title stays text', async () => {
    await env.BUCKET.put(QUALITY_KEY, JSON.stringify(report))
    expect((await call<QualityReport>('GET', '/v1/quality')).body).toEqual(report)
    const page = await call<string>('GET', '/v1/quality/report.html')
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  })
  it('is for the secret key only', async () => {
    for (const path of ['/v1/quality', '/v1/quality/report.html'])
      expect((await call('GET', path, { key: KEYS.public })).status).toBe(403)
    expect((await sendJson('POST', '/v1/quality/run', {}, { key: KEYS.public })).status).toBe(403)
  })
  it('is ordered once however often it is asked for, with what is in quarantine', async () => {
    await sendJson('POST', '/v1/items', [{ id: 'no-title' }])
    const first = await sendJson<Run>('POST', '/v1/quality/run', {})
    expect([first.status, first.body.kind, first.body.state]).toEqual([202, 'quality', 'queued'])
    expect((await sendJson<Run>('POST', '/v1/quality/run', {})).body).toEqual(first.body)
    expect(await (await env.BUCKET.get(runKey(QUALITY_RUN_ID)))?.json()).toEqual(first.body)
    const refused = Refused.parse(await (await env.BUCKET.get(REFUSED_KEY))?.json())
    expect(refused.total).toBe(1)
    expect(refused.rows[0]!.itemId).toBe('no-title')
    expect((await call<Run>('GET', `/v1/runs/${QUALITY_RUN_ID}`)).body.kind).toBe('quality')
  })
})

describe('a repair', () => {
  const decorated = { id: 'lamp', title: '*** Desk lamp ***', brand: 'OSRAMIA', price: 5 }
  const read = async () => (await call<ItemReply>('GET', '/v1/items/lamp')).body
  const repairsOf = ({ findings }: ItemReply) =>
    findings.flatMap(({ rule, repair }) => (repair ? [[rule, repair.original, repair.undone ?? false]] : []))

  it('is made on the way in, and told', async () => {
    const { body } = await sendJson<ImportReply>('POST', '/v1/items', [decorated])
    expect(body.findings[0]!.findings).toMatchObject([
      { rule: 'title-decorated', repair: { value: 'Desk lamp' } },
    ])
    const stored = await read()
    expect([stored.item.title, stored.item.brand]).toEqual(['Desk lamp', 'Osramia'])
    expect(repairsOf(stored)).toEqual([
      ['brand-casing', 'OSRAMIA', false],
      ['title-decorated', '*** Desk lamp ***', false],
    ])
  })
  it('can be taken back, and stays so when the item is changed or given again', async () => {
    const undone = await sendJson<ItemReply>('POST', '/v1/items/lamp/undo-repair', {
      rule: 'brand-casing',
      field: 'brand',
    })
    expect([undone.status, undone.body.item.brand, undone.body.version]).toEqual([200, 'OSRAMIA', 2])
    await sendJson('PATCH', '/v1/items/lamp', { price: 6 })
    const changed = await read()
    expect([changed.item.brand, changed.item.title, changed.item.price]).toEqual(['OSRAMIA', 'Desk lamp', 6])
    expect(repairsOf(changed)).toContainEqual(['title-decorated', '*** Desk lamp ***', false])
    await sendJson('POST', '/v1/items', [{ ...decorated, price: 7 }])
    const again = await read()
    expect([again.item.brand, again.item.title, again.item.price]).toEqual(['OSRAMIA', 'Desk lamp', 7])
    expect(repairsOf(again)).toContainEqual(['brand-casing', 'OSRAMIA', true])
  })
  it('is made again for another value', async () => {
    await sendJson('PATCH', '/v1/items/lamp', { brand: 'PHILIPSON' })
    expect((await read()).item.brand).toBe('Philipson')
  })
  it('that was not made cannot be taken back', async () => {
    const which = { rule: 'html-removed', field: 'title' }
    expect((await sendJson('POST', '/v1/items/lamp/undo-repair', which)).status).toBe(404)
    expect((await sendJson('POST', '/v1/items/none/undo-repair', which)).status).toBe(404)
    expect((await sendJson('POST', '/v1/items/lamp/undo-repair', { rule: 'x' })).status).toBe(400)
  })
})
