import { expect, it } from 'vitest'
import { createRateLimit } from './rate-limit.ts'

it('lets so many calls of a key pass in each window, and every key has its own', async () => {
  let now = 25_000
  const { limit } = createRateLimit(() => now, { callsMax: 2, periodSeconds: 10 })
  const passes = async (key: string) => (await limit({ key })).success
  expect([await passes('a'), await passes('a'), await passes('a')]).toEqual([true, true, false])
  expect(await passes('b')).toBe(true)
  now = 29_999
  expect(await passes('a')).toBe(false)
  now = 30_000
  expect([await passes('a'), await passes('a'), await passes('a')]).toEqual([true, true, false])
})
