import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { mlmHeadSpecs } from '../model/heads.ts'
import { createSeededCheckpoint } from '../model/seeded.ts'
import type { Tuning } from '../model/tuning.ts'
import { ADAMW_DEFAULTS } from './adamw.ts'
import { createCpuPlan, type Plan } from './cpu-plan.ts'
import { createMlmTask } from './data/mlm-task.ts'
import { layOut } from './parameters.ts'
import { readState, replaceFile } from './state-file.ts'
import { StateError, type Task, type TrainerOptions, train } from './trainer.ts'

const vocabulary = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...'red green blue small large round square cable lamp chair table pen ##s ##er'.split(' '),
]
const texts = ['red lamp', 'blue lamps', 'small round table', 'large square table', 'green chair', 'red pens']
const base = createSeededCheckpoint({
  vocabulary,
  seed: 3,
  layers: 1,
  hidden: 16,
  heads: 2,
  positions: 16,
  toTrain: true,
})
const tokenizer = createWordPiece(base)
const initial = new Map([
  ...base.tensors,
  ...mlmHeadSpecs(base.config).map(({ name, shape, initial: kind }) => {
    const count = shape.reduce((product, dim) => product * dim, 1)
    return [name, { shape, data: new Float32Array(count).fill(kind === 'one' ? 1 : 0.01) }] as const
  }),
])
const layout = layOut([...initial].map(([name, { shape }]) => [name, shape]))
const tuning: Tuning = { kind: 'full' }

const mlm = (): Task =>
  createMlmTask({
    texts: texts.map((text) => tokenizer.encode(text, 16)),
    tokenizer,
    vocabulary,
    batchTokens: 24,
    maxTokens: 16,
    weight: 1,
    seed: 5,
  })

let directory: string
let plan: Plan
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-train-'))
  plan = createCpuPlan(base.config, layout, { frozen: initial, tuning, dropout: 0.1, threads: 1, seed: 9 })
})
afterEach(async () => {
  await plan.close()
  await rm(directory, { recursive: true })
})

const options = (change: Partial<TrainerOptions> = {}): TrainerOptions => ({
  layout,
  initial,
  plan,
  tasks: [mlm()],
  schedule: { kind: 'linear', rate: 0.01, warmUpSteps: 2, steps: 12, floor: 0 },
  adamW: ADAMW_DEFAULTS,
  clipNorm: 1,
  accumulate: 1,
  threads: 1,
  seed: 7,
  fingerprint: 'settings',
  ...change,
})
const bytesOf = (tensors: ReadonlyMap<string, { data: Float32Array }>) =>
  Buffer.concat(
    [...tensors.values()].map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  )

describe('a run', () => {
  it('learns: the loss of the same words falls', async () => {
    const losses: number[] = []
    await train(
      options({
        schedule: { kind: 'constant', rate: 0.01, warmUpSteps: 0, steps: 400, floor: 0 },
        onStep: ({ loss }) => losses.push(loss),
      }),
    )
    const mean = (part: number[]) => part.reduce((sum, loss) => sum + loss, 0) / part.length
    expect(mean(losses.slice(-50))).toBeLessThan(0.8 * mean(losses.slice(0, 50)))
  })

  it('repeats bit for bit with the same seed, and differs with another', async () => {
    const first = await train(options())
    const second = await train(options())
    const other = await train(options({ seed: 8 })) // other dropout masks
    expect(bytesOf(first.tensors).equals(bytesOf(second.tensors))).toBe(true)
    expect(bytesOf(first.tensors).equals(bytesOf(other.tensors))).toBe(false)
  })

  it.each([1, 5, 11])('goes on after a crash at step %i as if nothing had been', async (crashAt) => {
    const whole = await train(options())
    const state = { path: join(directory, 'state'), everySteps: 1 }
    const crash = new Error('killed')
    const broken = train(
      options({
        state,
        onStep: ({ step }) => {
          if (step === crashAt + 1) throw crash // the step was made, but never written
        },
      }),
    )
    await expect(broken).rejects.toBe(crash)
    const steps: number[] = []
    const resumed = await train(options({ state, onStep: ({ step }) => steps.push(step) }))
    expect(steps[0]).toBe(crashAt + 1)
    expect(bytesOf(resumed.tensors).equals(bytesOf(whole.tensors))).toBe(true)
  })

  it('stops between two steps when it is told to, and goes on from there', async () => {
    const whole = await train(options())
    const state = { path: join(directory, 'state'), everySteps: 1_000 }
    const stop = new AbortController()
    const stopped = await train(
      options({ state, signal: stop.signal, onStep: ({ step }) => step === 4 && stop.abort() }),
    )
    expect(stopped).toMatchObject({ reason: 'stopped', step: 4 })
    const resumed = await train(options({ state }))
    expect(bytesOf(resumed.tensors).equals(bytesOf(whole.tensors))).toBe(true)
  })

  it('accumulates: the same batch twice, at half its weight, makes the step of once', async () => {
    const schedule = { ...options().schedule, steps: 1 }
    const task = mlm()
    const always: Task = { ...task, batchAt: () => task.batchAt(0) }
    const settings = { frozen: initial, tuning, dropout: 0, threads: 1, seed: 9 }
    const quiet = createCpuPlan(base.config, layout, settings)
    const once = await train(options({ plan: quiet, tasks: [always], schedule }))
    const twice = await train(options({ plan: quiet, tasks: [always], schedule, accumulate: 2 }))
    await quiet.close()
    for (const [name, { data }] of once.tensors)
      data.forEach((value, at) => {
        expect(twice.tensors.get(name)!.data[at]).toBeCloseTo(value, 5)
      })
  })
})

describe('validation', () => {
  const metrics = [0.1, 0.5, 0.4, 0.3, 0.2, 0.1]
  const validation = (patience: number) => {
    let at = 0
    const seen: Buffer[] = []
    return {
      seen,
      everySteps: 2,
      patience,
      metricOf: async (tensors: ReadonlyMap<string, { data: Float32Array }>) => {
        seen.push(bytesOf(tensors))
        return metrics[at++]!
      },
    }
  }

  it('keeps the parameters of the best metric, not the last ones', async () => {
    const probe = validation(100)
    const result = await train(options({ validation: probe }))
    expect(result.best).toEqual({ step: 4, metric: 0.5 })
    expect(bytesOf(result.tensors).equals(probe.seen[1]!)).toBe(true)
    expect(bytesOf(result.tensors).equals(probe.seen[5]!)).toBe(false)
  })

  it('ends the run after as many validations without a better metric as patience allows', async () => {
    const result = await train(options({ validation: validation(2) }))
    expect(result).toMatchObject({ reason: 'early-stopped', step: 8, best: { step: 4 } })
  })
})

describe('when something goes wrong', () => {
  it('stops at a loss that is no number and keeps the state before it', async () => {
    const state = { path: join(directory, 'state'), everySteps: 1_000 }
    const good = await train(options({ schedule: { ...options().schedule, steps: 12 } }))
    const poisoned: Plan = {
      ...plan,
      async addGradient(parameters, batch, weight, seed, into, isFirst) {
        const outcome = await plan.addGradient(parameters, batch, weight, seed, into, isFirst)
        calls++
        return calls === 6 ? { ...outcome, loss: Number.NaN } : outcome
      },
    }
    let calls = 0
    const result = await train(options({ plan: poisoned, state }))
    expect(result).toMatchObject({ reason: 'not-finite', step: 5 })
    const resumed = await train(options({ state }))
    expect(bytesOf(resumed.tensors).equals(bytesOf(good.tensors))).toBe(true)
  })

  it('leaves the previous state whole when the disk is full', async () => {
    const path = join(directory, 'state')
    await writeFile(path, 'the previous state')
    await symlink('/dev/full', `${path}.draft`) // every write to it says that the disk is full
    await expect(replaceFile(path, new Uint8Array(1_000))).rejects.toThrow('ENOSPC')
    expect(await readFile(path, 'utf8')).toBe('the previous state')
    expect(await readdir(directory)).toEqual(['state'])
  })

  it('refuses the state of another recipe, a damaged one, and one of another size, and says what to do', async () => {
    const path = join(directory, 'state')
    await train(options({ state: { path, everySteps: 100 }, schedule: { ...options().schedule, steps: 1 } }))
    const other = train(options({ state: { path, everySteps: 100 }, fingerprint: 'others' }))
    await expect(other).rejects.toThrow(StateError)
    await expect(other).rejects.toThrow('another recipe, other data or another base')
    expect(await readState(path, 5, 'settings')).toMatchObject({ ok: false })
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, bytes.length - 10))
    expect(await readState(path, layout.size, 'settings')).toMatchObject({ ok: false })
    await expect(train(options({ state: { path, everySteps: 100 } }))).rejects.toThrow(
      'delete it to start again',
    )
  })
})
