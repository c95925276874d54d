/** @file What surrounds every call: keys, scopes, problems, OpenAPI and its page. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { ProblemDocument } from '../../shared/schema/problem.ts'
import { call, env, KEYS, prepareDatabase, sendJson } from '../../test/fixtures/edge.ts'

beforeAll(prepareDatabase)

const problem = (method: string, path: string, options: Parameters<typeof call>[2] = {}) =>
  call<ProblemDocument>(method, path, options)

describe('keys', () => {
  it.each([
    ['no key', null, 'Authorization: Bearer'],
    ['an unknown key', 'wrong-key', 'not known'],
    ['an expired key', KEYS.expired, 'expired'],
    ['a key of 10 kB', 'x'.repeat(10_000), 'not known'],
  ])('%s: 401 with a challenge and a sentence', async (_name, key, words) => {
    const reply = await problem('GET', '/v1/status', { key })
    expect(reply.status).toBe(401)
    expect(reply.headers.get('www-authenticate')).toContain('Bearer')
    expect(reply.body.detail).toContain(words)
  })
  it('a public key on a secret route: 403 that names the scope', async () => {
    const reply = await problem('GET', '/v1/status', { key: KEYS.public })
    expect(reply.status).toBe(403)
    expect(reply.body.detail).toContain('"secret"')
  })
  it('a secret key may do what a public one may', async () => {
    expect((await sendJson('POST', '/v1/events', [])).status).toBe(202)
  })
  it('rest as hashes only', async () => {
    const { results } = await env.DB.prepare('SELECT * FROM api_keys').all()
    expect(JSON.stringify(results)).not.toContain(KEYS.secret)
    expect(JSON.stringify(results)).toMatch(/[0-9a-f]{64}/)
  })
})

describe('pages of another origin', () => {
  it('may ask without a key what they may send', async () => {
    const headers = { origin: 'https://shop.test', 'access-control-request-method': 'POST' }
    const reply = await call('OPTIONS', '/v1/events', { key: null, headers })
    expect(reply.status).toBe(204)
    expect(reply.headers.get('access-control-allow-origin')).toBe('*')
    expect(reply.headers.get('access-control-allow-methods')).toContain('POST')
    expect(reply.headers.get('access-control-allow-headers')).toContain('authorization')
  })
  it('may read replies and problems, and their request id', async () => {
    for (const key of [KEYS.secret, null]) {
      const { headers } = await call('GET', '/v1/quarantine', { key })
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('access-control-expose-headers')).toContain('x-request-id')
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })
})

describe('problems', () => {
  it('an unknown path is 404 and a wrong method 405 with what is allowed', async () => {
    expect((await problem('GET', '/v1/nothing')).status).toBe(404)
    const reply = await problem('PUT', '/v1/items')
    expect(reply.status).toBe(405)
    expect(reply.headers.get('allow')).toBe('POST')
    expect(reply.body).toMatchObject({ type: 'urn:aisle:problem:method-not-allowed', status: 405 })
  })
  it('an error of ours shows its requestId and nothing of its inside', async () => {
    await env.DB.exec('ALTER TABLE quarantine RENAME TO hidden')
    try {
      const reply = await problem('GET', '/v1/quarantine')
      expect(reply.status).toBe(500)
      expect(reply.body.requestId).toBeTruthy()
      expect(JSON.stringify(reply.body)).not.toMatch(/SQL|quarantine|\.ts|at /i)
    } finally {
      await env.DB.exec('ALTER TABLE hidden RENAME TO quarantine')
    }
  })
  it('before the first publish a search says that nothing is searchable yet, and when to ask again', async () => {
    const reply = await problem('GET', '/v1/search?q=x')
    expect(reply.status).toBe(503)
    expect(reply.headers.get('retry-after')).toBe('2')
  })
})

describe('documentation', () => {
  type Document = {
    openapi: string
    paths: Record<string, Record<string, { responses: object; security?: unknown }>>
  }
  it('is OpenAPI 3.1 and has every route with its problems and its key', async () => {
    const { body, status } = await call<Document>('GET', '/openapi.json', { key: null })
    expect(status).toBe(200)
    expect(body.openapi).toBe('3.1.0')
    const operations = Object.entries(body.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(operations.sort()).toEqual(
      [
        'POST /v1/items',
        'GET /v1/items/{id}',
        'PATCH /v1/items/{id}',
        'DELETE /v1/items/{id}',
        'GET /v1/items/{id}/similar',
        'GET /v1/batches/{id}',
        'POST /v1/events',
        'GET /v1/search',
        'GET /v1/suggest',
        'GET /v1/recommendations',
        'GET /v1/profiles/{userId}',
        'DELETE /v1/profiles/{userId}',
        'PUT /v1/profiles/{userId}/consent',
        'POST /v1/profiles/merge',
        'GET /v1/quarantine',
        'POST /v1/quarantine/{id}/replay',
        'GET /v1/dead-letters',
        'POST /v1/dead-letters/{id}/replay',
        'GET /v1/status',
        'GET /v1/models',
        'POST /v1/models/train',
        'POST /v1/models/{id}/activate',
        'GET /v1/runs/{id}',
        'GET /v1/runs/{id}/curves',
        'PUT /v1/ranker',
        'DELETE /v1/ranker',
        'GET /v1/quality',
        'GET /v1/quality/report.html',
        'POST /v1/quality/run',
        'GET /v1/quality/events',
        'POST /v1/items/{id}/undo-repair',
      ].sort(),
    )
    for (const item of Object.values(body.paths))
      for (const operation of Object.values(item)) {
        expect(operation.security).toBeTruthy()
        expect(Object.keys(operation.responses)).toContain('401')
      }
  })
  it('has a page that names every path', async () => {
    const page = await call<string>('GET', '/docs', { key: null })
    expect(page.headers.get('content-type')).toContain('text/html')
    for (const path of ['/v1/search', '/v1/items/{id}/similar', '/v1/dead-letters'])
      expect(page.body).toContain(path)
  })
  it('/healthz answers without a key', async () => {
    expect((await call('GET', '/healthz', { key: null })).body).toEqual({ status: 'ok' })
  })
})
