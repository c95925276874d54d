import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { evalPolicy, renderPolicy } from './eval-policy.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aisle-policy-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function logOf(text: string): Promise<string> {
  const log = join(folder, `${Math.abs(text.length)}.csv`)
  await writeFile(log, text)
  return log
}

it('reads a log and prints every estimate', async () => {
  const log = await logOf('propensity,target,reward\n0.5,1,1\n0.5,0,0\n0.5,1,0\n0.5,0,1\n')
  const value = await evalPolicy({ log })
  expect(value.ips.value).toBeCloseTo(0.5, 12)
  expect(value.doublyRobust).toBeNull()
  expect(renderPolicy(value)).toContain('SNIPS')
})

it('uses a model of the reward where the log has one', async () => {
  const log = await logOf('propensity,target,reward,modelShown,modelTarget\n0.5,1,1,0.75,0.5\n')
  expect((await evalPolicy({ log })).doublyRobust?.value).toBeCloseTo(0.5 + 2 * 0.25, 12)
})

it.each([
  ['a propensity of 0', 'propensity,target,reward\n0,1,1\n', 'a propensity lies above 0'],
  ['a missing reward', 'propensity,target\n.5,1\n', '"reward" is not a number'],
  ['half a model', 'propensity,target,reward,modelShown\n.5,1,1,.3\n', '"modelTarget" is not a number'],
  ['no decision', 'propensity,target,reward\n', 'no'],
])('refuses %s in one sentence', async (_, text, sentence) => {
  await expect(evalPolicy({ log: await logOf(text) })).rejects.toThrow(sentence)
})

it('refuses to cut every weight', async () => {
  const log = await logOf('propensity,target,reward\n0.5,1,1\n')
  await expect(evalPolicy({ log, clip: 0.5 })).rejects.toThrow('--clip')
})
