/** @file Models over HTTP: asking for a run writes its record, a refused model needs force, a public key gets nothing. */
import { beforeAll, describe, expect, it } from 'vitest'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { cardKey, journalKey, type ModelCard, type Run, runKey } from '../../shared/schema/models.ts'
import type { ProblemDocument } from '../../shared/schema/problem.ts'
import { call, env, KEYS, prepareDatabase, sendJson } from '../../test/fixtures/edge.ts'

const card = (id: string, accepted: boolean): ModelCard => ({
  id,
  createdAt: '2026-01-01T00:00:00Z',
  runId: null,
  parent: null,
  recipe: null,
  fingerprint: '',
  checksum: '0'.repeat(64),
  metrics: {},
  comparison: null,
  accepted,
  ref: fixtureManifest([]).model,
})
beforeAll(async () => {
  await prepareDatabase()
  for (const one of [card('good', true), card('refused', false)])
    await env.BUCKET.put(cardKey(one.id), JSON.stringify(one))
})
const recordOf = async (id: string) => (await env.BUCKET.get(runKey(id)))?.json<Run>()

describe('models over HTTP', () => {
  it('takes an order for training, with defaults for what is not said', async () => {
    const reply = await sendJson<Run>('POST', '/v1/models/train', {})
    expect(reply.status).toBe(202)
    const asked = { recipe: 'search', minutesMax: 60, activate: false }
    expect(reply.body).toMatchObject({ kind: 'train', state: 'queued', request: asked })
    expect(await recordOf(reply.body.id)).toEqual(reply.body)
    expect((await call<Run>('GET', `/v1/runs/${reply.body.id}`)).body).toEqual(reply.body)
  })
  it.each([
    ['an unknown field', { recipes: 'search' }],
    ['time below zero', { minutesMax: -1 }],
    ['more than a day', { minutesMax: 2_000 }],
    ['a recipe that is a number', { recipe: 3 }],
  ])('refuses %s', async (_name, body) => {
    const reply = await sendJson<ProblemDocument>('POST', '/v1/models/train', body)
    expect(reply.status).toBe(400)
    expect(reply.body.errors).not.toEqual([])
  })
  it('takes an order for a switch to an accepted model', async () => {
    const reply = await sendJson<Run>('POST', '/v1/models/good/activate', {})
    expect([reply.status, reply.body.modelId]).toEqual([202, 'good'])
  })
  it('switches to a refused model only when forced', async () => {
    expect((await sendJson('POST', '/v1/models/refused/activate', {})).status).toBe(409)
    const forced = await sendJson<Run>('POST', '/v1/models/refused/activate', { force: true })
    expect([forced.status, forced.body.force]).toEqual([202, true])
  })
  it('does not know what is not there', async () => {
    expect((await sendJson('POST', '/v1/models/none/activate', {})).status).toBe(404)
    expect((await call('GET', '/v1/runs/none')).status).toBe(404)
    expect((await call('GET', '/v1/runs/none/curves')).status).toBe(404)
  })
  it('lists models and runs, and leaves out a damaged record', async () => {
    await env.BUCKET.put(cardKey('damaged'), '{}')
    const { body } = await call<{ models: ModelCard[]; runs: Run[] }>('GET', '/v1/models')
    expect(body.models.map(({ id }) => id).sort()).toEqual(['good', 'refused'])
    expect(body.runs.length).toBeGreaterThan(0)
  })
  it('gives the curves as they were written', async () => {
    await env.BUCKET.put(journalKey('r1'), '{"event":"step"}\n')
    const reply = await call<string>('GET', '/v1/runs/r1/curves')
    expect(reply.headers.get('content-type')).toContain('ndjson')
  })
  it('is for the secret key only', async () => {
    expect((await call('GET', '/v1/models', { key: KEYS.public })).status).toBe(403)
    expect((await sendJson('POST', '/v1/models/train', {}, { key: KEYS.public })).status).toBe(403)
  })
})

describe('a ranker of the shop', () => {
  const model = btoa('an ONNX file')

  it('is kept by its content, and a worker is asked to try it', async () => {
    const reply = await sendJson<Run>('PUT', '/v1/ranker', { features: ['vector', 'together'], model })
    expect(reply.status).toBe(202)
    expect(reply.body).toMatchObject({ kind: 'use-ranker', state: 'queued' })
    const { key, bytes, features } = reply.body.ranker!
    expect([bytes, features]).toEqual([12, ['vector', 'together']])
    expect(await (await env.BUCKET.get(key))!.text()).toBe('an ONNX file')
    expect(await recordOf(reply.body.id)).toEqual(reply.body)
  })
  it('is dropped by a run, too', async () => {
    const reply = await call<Run>('DELETE', '/v1/ranker')
    expect([reply.status, reply.body.kind, reply.body.ranker]).toEqual([202, 'use-ranker', null])
  })
  it.each([
    ['features in another order', { features: ['together', 'vector'], model }],
    ['an unknown feature', { features: ['vector', 'colour'], model }],
    ['no features', { features: [], model }],
    ['a model that is not base64', { features: ['vector'], model: '*' }],
  ])('with %s is refused', async (_name, body) => {
    expect((await sendJson('PUT', '/v1/ranker', body)).status).toBe(400)
  })
  it('of more than 4 MiB is refused', async () => {
    const large = { features: ['vector'], model: btoa('x'.repeat(4 * 2 ** 20 + 1)) }
    expect((await sendJson('PUT', '/v1/ranker', large)).status).toBe(413)
  })
  it('is for the secret key only', async () => {
    const body = { features: ['vector'], model }
    expect((await sendJson('PUT', '/v1/ranker', body, { key: KEYS.public })).status).toBe(403)
  })
})
