import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { StageTimer } from '../ranking/stages.ts'
import {
  createAuthenticate,
  equalInConstantTime,
  KEY_CACHE_SECONDS,
  type KeyRow,
  neededScope,
} from './auth.ts'
import { createFrame } from './frame.ts'

async function openKeys() {
  const row: KeyRow = { keyHash: await sha256Hex('good'), keyId: 'k', scope: 'public', expiresAt: null }
  let now = 0
  let lookUps = 0
  const authenticate = createAuthenticate(
    async (hash) => {
      lookUps++
      return hash === row.keyHash ? row : null
    },
    () => now,
  )
  return { authenticate, row, lookUps: () => lookUps, pass: (ms: number) => (now += ms) }
}

describe('keys', () => {
  it('are looked up once a minute, unknown ones too but for a shorter time', async () => {
    const keys = await openKeys()
    for (let call = 0; call < 5; call++) expect((await keys.authenticate('Bearer good')).ok).toBe(true)
    expect(keys.lookUps()).toBe(1)
    keys.pass(KEY_CACHE_SECONDS * 1_000)
    await keys.authenticate('Bearer good')
    expect(keys.lookUps()).toBe(2)
    for (let call = 0; call < 5; call++) expect((await keys.authenticate('Bearer bad')).ok).toBe(false)
    expect(keys.lookUps()).toBe(3)
  })
  it('expire on time, also while they are remembered', async () => {
    const keys = await openKeys()
    keys.row.expiresAt = 1_000
    expect((await keys.authenticate('Bearer good')).ok).toBe(true)
    keys.pass(1_000)
    expect(await keys.authenticate('Bearer good')).toMatchObject({ ok: false, error: { reason: 'expired' } })
  })
  it.each(['', 'good', 'Basic good', 'Bearer ', 'Bearer a b'])('"%s" is no key', async (header) => {
    const keys = await openKeys()
    expect(await keys.authenticate(header)).toMatchObject({ ok: false, error: { reason: 'missing' } })
  })
  it('are equal only when all of them is', () => {
    expect(equalInConstantTime('abc', 'abc')).toBe(true)
    for (const other of ['abd', 'ab', 'abcd', '', 'abcabc'])
      expect(equalInConstantTime('abc', other)).toBe(false)
  })
  it('open to the public what a shop page needs, and nothing else', () => {
    for (const call of [
      'GET /v1/search',
      'GET /v1/suggest',
      'GET /v1/recommendations',
      'GET /v1/items/a%2Fb/similar',
      'POST /v1/events',
    ])
      expect(neededScope(...(call.split(' ') as [string, string]))).toBe('public')
    for (const call of [
      'GET /v1/items/a',
      'POST /v1/search',
      'GET /v1/events',
      'GET /v1/status',
      'GET /v1/search/x',
    ])
      expect(neededScope(...(call.split(' ') as [string, string]))).toBe('secret')
  })
})

it('a key over its rate gets 429 and the time to wait, and reaches no route', async () => {
  const { authenticate } = await openKeys()
  const asked: string[] = []
  const rateLimit = {
    limit: async ({ key }: { key: string }) => {
      asked.push(key)
      return { success: false }
    },
  } as RateLimit
  const startStages = () => new StageTimer(() => 0, { profile: 1, retrieve: 1, rank: 1, diversify: 1 })
  const app = createFrame({ authenticate, rateLimit, startStages })
  let reached = false
  app.get('/v1/search', (c) => {
    reached = true
    return c.text('')
  })
  const reply = await app.request('/v1/search', { headers: { authorization: 'Bearer good' } })
  expect(reply.status).toBe(429)
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await reply.json()).toMatchObject({ type: 'urn:aisle:problem:rate-limited', status: 429 })
  expect(asked).toEqual(['k'])
  expect(reached).toBe(false)
})
