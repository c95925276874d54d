import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Client } from './client.ts'
import { Failure } from './failure.ts'
import { type BatchLine, recommendBatch } from './recommend-batch.ts'

const folder = mkdtempSync(join(tmpdir(), 'aisle-batch-'))
afterAll(() => rmSync(folder, { recursive: true }))
const usersFile = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** Answers a list of one item that is named as its shopper; the later ones answer first. */
function openShop(failFor?: string) {
  const asked: URLSearchParams[] = []
  const client = {
    url: 'https://shop.test',
    async get(path: string) {
      const query = new URL(path, 'https://shop.test').searchParams
      asked.push(query)
      const userId = query.get('userId')!
      for (let turn = 20 - asked.length; turn > 0; turn--) await Promise.resolve()
      if (userId === failFor) throw new Failure('Cannot reach the shop.')
      return { hits: [{ id: `for ${userId}` }], degraded: userId === 'ben' ? ['profile-timeout'] : [] }
    },
  } as unknown as Client
  return { client, asked }
}
const options = { limit: 3, scenario: 'buy-again', lang: 'zh', quiet: true }

it('writes a line for each shopper in their order, whoever answers first', async () => {
  const names = ['ada', 'ben', 'c d', ...Array.from({ length: 20 }, (_, n) => `u${n}`), '张三']
  const batch = usersFile('users.txt', names.join('\r\n\n'))
  const out = join(folder, 'lists.ndjson')
  const { client, asked } = openShop()
  expect(await recommendBatch(client, { ...options, batch, out })).toEqual({
    ...{ shoppers: names.length, items: names.length, degraded: 1, out },
  })
  const lines = readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as BatchLine)
  expect(lines.map(({ userId, hits }) => [userId, hits[0]!.id])).toEqual(
    names.map((name) => [name, `for ${name}`]),
  )
  expect(Object.fromEntries(asked[0]!)).toEqual({
    userId: 'ada',
    limit: '3',
    scenario: 'buy-again',
    lang: 'zh',
  })
})

it('leaves no file that is half done, and says in a sentence what is missing', async () => {
  const out = join(folder, 'half.ndjson')
  const batch = usersFile('two.txt', 'ada\nben\n')
  await expect(recommendBatch(openShop('ben').client, { ...options, batch, out })).rejects.toThrow(
    'Cannot reach',
  )
  expect(() => readFileSync(out)).toThrow()
  const none = join(folder, 'none.txt')
  await expect(recommendBatch(openShop().client, { ...options, batch: none, out })).rejects.toThrow(Failure)
})

it('of no shoppers is an empty file', async () => {
  const out = join(folder, 'empty.ndjson')
  const batch = usersFile('empty.txt', '\n \n')
  expect((await recommendBatch(openShop().client, { ...options, batch, out })).shoppers).toBe(0)
  expect(readFileSync(out, 'utf8')).toBe('')
})
