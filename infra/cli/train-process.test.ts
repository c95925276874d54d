/** @file The real `aisle train` process, ended in the middle by signals: the same command goes on to the same model. */
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tinyItems, tinyPretrain } from '../../test/fixtures/tiny-shop.ts'

const folder = mkdtempSync(join(tmpdir(), 'aisle-train-process-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

/** Enough steps that a signal comes in the middle of each stage, and a state after every few. */
const recipe = {
  ...tinyPretrain,
  mlm: { ...tinyPretrain.mlm, steps: 150, saveEverySteps: 7 },
  contrastive: { ...tinyPretrain.contrastive, steps: 300, validateEverySteps: 100, saveEverySteps: 7 },
}
beforeAll(() => {
  writeFileSync(at('recipe.json'), JSON.stringify(recipe))
  writeFileSync(at('shop.ndjson'), tinyItems.map((item) => JSON.stringify(item)).join('\n'))
})

type Entry = { event: string; stage?: string; step?: number }
const journalFile = (out: string) => join(at(out), 'journal.ndjson')
const journalOf = (out: string): Entry[] =>
  readFileSync(journalFile(out), 'utf8')
    .split('\n')
    .slice(0, -1) // what follows the last end of line is nothing, or a line that is being written
    .map((line) => JSON.parse(line) as Entry)

type Ended = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }
/** @param signal sent when the journal has a line like `after`, in the middle of whatever comes next */
async function train(out: string, signal?: { name: NodeJS.Signals; after: Entry }): Promise<Ended> {
  mkdirSync(at(out), { recursive: true })
  appendFileSync(journalFile(out), '') // so that there is something to watch
  const files = ['--recipe', at('recipe.json'), '--catalog', at('shop.ndjson'), '--out', at(out)]
  const child = spawn(process.execPath, ['infra/cli/aisle.ts', 'train', ...files, '--threads', '1', '--json'])
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  let watcher: FSWatcher | null = null
  if (signal) {
    const { event, stage, step } = signal.after
    const isThere = (entry: Entry) => entry.event === event && entry.stage === stage && entry.step === step
    watcher = watch(journalFile(out), () => {
      if (!child.killed && journalOf(out).some(isThere)) child.kill(signal.name)
    })
  }
  const ended = await new Promise<Ended>((resolve) =>
    child.once('close', (code, killedBy) => resolve({ code, signal: killedBy, stdout, stderr })),
  )
  watcher?.close()
  return ended
}
const weightsOf = (out: string) => readFileSync(join(at(out), 'model.safetensors'))
const step = (stage: string, number: number): Entry => ({ event: 'step', stage, step: number })

it('a run goes on to the same model, byte for byte, after SIGTERM and after every kill -9', async () => {
  expect(await train('whole')).toMatchObject({ code: 0 })

  const stopped = await train('ended', { name: 'SIGTERM', after: step('mlm', 20) })
  expect(stopped.code).toBe(1)
  expect(stopped.stderr).toMatch(
    /^aisle: Stopped in stage mlm after step \d+; the same command goes on from there\.\n$/,
  )
  for (const after of [step('mlm', 50), step('contrastive', 10), step('contrastive', 110)])
    expect(await train('ended', { name: 'SIGKILL', after })).toMatchObject({ signal: 'SIGKILL' })
  expect(await train('ended')).toMatchObject({ code: 0 })
  expect(weightsOf('ended').equals(weightsOf('whole'))).toBe(true)

  const resumed = journalOf('ended').filter(({ event }) => event === 'stage-resumed')
  expect(resumed.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['mlm', 'contrastive']))
}, 240_000)

it('a run that cannot be ends with 1 and one sentence, no stack', async () => {
  writeFileSync(at('one.csv'), 'id,title\n1,Lamp\n')
  const args = ['train', '--recipe', 'pretrain', '--catalog', at('one.csv'), '--out', at('refused')]
  const child = spawn(process.execPath, ['infra/cli/aisle.ts', ...args])
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  expect(code).toBe(1)
  expect(stderr).toBe('aisle: Pretraining needs at least 20 items with different texts; there are 1.\n')
})
