/** @file Which ranker scores, and what the reply then says. What ONNX Runtime makes of real models is in ranker.workerd.test.ts. */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import type { RankerRef } from '../../shared/schema/manifest.ts'
import type { Objective } from '../../shared/schema/objectives.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import type { CreateSession, OrtInput } from './ort-session.ts'
import {
  createOnnxRanker,
  createRank,
  LINEAR_WEIGHTS,
  linearRanker,
  SLOW_PAUSE_MS,
  SLOW_RUNS_MAX,
} from './ranker.ts'
import { StageTimer } from './stages.ts'

const BUDGETS = { profile: 50, retrieve: 100, rank: 20, diversify: 20 }
const MODEL = Uint8Array.of(1, 2, 3)
const [VECTOR, SEEN] = [RANK_FEATURES.indexOf('vector'), RANK_FEATURES.indexOf('seen')]

/** Rows whose first columns are given. */
function features(...rows: number[][]): Float32Array {
  const all = new Float32Array(rows.length * RANK_FEATURES_MAX)
  for (const [at, row] of rows.entries()) all.set(row, at * RANK_FEATURES_MAX)
  return all
}
let now = 0
let work: Promise<unknown>[] = []
const waitUntil = (promise: Promise<unknown>) => void work.push(promise)
beforeEach(() => {
  now = 1_000_000
  work = []
})

type Run = (input: OrtInput) => Float32Array
const firstColumn: Run = ({ data, shape: [rows] }) =>
  Float32Array.from({ length: rows! }, (_, row) => Number(data[row * RANK_FEATURES_MAX]))
const sessionOf =
  (run: Run, inputs = ['features'], outputs = ['score']): CreateSession =>
  async () => ({
    inputs,
    outputs,
    run: async ({ features }) => ({ score: run(features!) }),
    release: async () => {},
  })

async function open(createSession: CreateSession, change: Partial<RankerRef> = {}) {
  const ref: RankerRef = {
    ...{
      key: 'ranker.onnx',
      bytes: MODEL.length,
      sha256: await sha256Hex(MODEL),
      features: [...RANK_FEATURES],
    },
    ...change,
  }
  const bucket = {
    get: async () => ({ etag: 'e', size: MODEL.length, arrayBuffer: async () => MODEL.slice().buffer }),
  }
  const rank = createRank({ bucket, clock: () => now, createSession })
  const ask = async (rows: number[][], spendMs = 0) => {
    let looks = 0 // the timer is made, the stage begins, and then its time has passed
    const stages = new StageTimer(() => (looks++ < 2 ? 0 : spendMs), BUDGETS)
    stages.begin('rank')
    const { scores, degraded } = await rank(ref, features(...rows), rows.length, stages, waitUntil)
    return { scores: [...scores], degraded }
  }
  const settled = () => Promise.all(work.splice(0))
  return { ask, settled }
}
const linear = (...rows: number[][]) => [...linearRanker.score(features(...rows), rows.length)]

describe('the linear ranker', () => {
  it('adds up the parts by their weights, and lowers what was seen', () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(part, part, part, part, fc.constantFrom(0, 1)), { maxLength: 5 }),
        (rows) => {
          const expected = rows.map(([vector, together, category, popular, seen]) => {
            const { vector: v, together: t, category: c, popular: p } = LINEAR_WEIGHTS
            return (v * vector + t * together + c * category + p * popular) * (seen ? 0.35 : 1)
          })
          for (const [row, score] of linear(...rows).entries()) expect(score).toBeCloseTo(expected[row]!, 6)
        },
      ),
      { seed: 3, numRuns: 100 },
    )
  })
  it('is not moved by columns that have no name', () => {
    const row = Array.from({ length: RANK_FEATURES_MAX }, (_, at) => (at < RANK_FEATURES.length ? 0.5 : 9))
    expect(linear(row)).toEqual(linear(row.slice(0, RANK_FEATURES.length)))
  })
})

describe('a ranker that the manifest names', () => {
  it('scores once it is loaded; until then the linear one does, and the reply says so', async () => {
    const { ask, settled } = await open(sessionOf(firstColumn))
    const rows = [[0.25], [0.75]]
    expect(await ask(rows)).toEqual({ scores: linear(...rows), degraded: ['ranker-loading'] })
    await settled()
    expect(await ask(rows)).toEqual({ scores: [0.25, 0.75], degraded: [] })
  })
  it('sees only the features that it has learnt from', async () => {
    const sum: Run = ({ data, shape: [rows, width] }) =>
      Float32Array.from({ length: rows! }, (_, row) => {
        const own = (data as Float32Array).subarray(row * width!, (row + 1) * width!)
        return own.reduce((total, x) => total + x, 0)
      })
    const { ask, settled } = await open(sessionOf(sum), { features: ['vector', 'together'] })
    await ask([[1]])
    await settled()
    expect(await ask([[0.5, 0.25, 1, 1, 1]])).toEqual({ scores: [0.75], degraded: [] })
  })
  it.each<[string, CreateSession, Partial<RankerRef>]>([
    ['of another checksum', sessionOf(firstColumn), { sha256: '0'.repeat(64) }],
    ['of another size', sessionOf(firstColumn), { bytes: 7 }],
    ['of a size that no isolate could hold', sessionOf(firstColumn), { bytes: 2 ** 31 }],
    ['that the runtime cannot read', () => Promise.reject(new Error('not ONNX')), {}],
    ['with other inputs', sessionOf(firstColumn, ['x']), {}],
    ['with more outputs', sessionOf(firstColumn, ['features'], ['score', 'debug']), {}],
    ['with too few scores', sessionOf(() => new Float32Array(1)), {}],
    ['with a score that is not a number', sessionOf((x) => firstColumn(x).fill(Number.NaN, 0, 1)), {}],
    ['with an endless score', sessionOf((x) => firstColumn(x).fill(Number.POSITIVE_INFINITY, 0, 1)), {}],
    ['with a negative score', sessionOf((x) => firstColumn(x).map((score) => -score)), {}],
    [
      'that learnt from features which are not ours',
      sessionOf(firstColumn),
      { features: ['vector', 'mood'] },
    ],
    [
      'that learnt from features in another order',
      sessionOf(firstColumn),
      { features: ['together', 'vector'] },
    ],
  ])('%s is not used, and the reply says so', async (_name, createSession, change) => {
    const { ask, settled } = await open(createSession, change)
    await ask([[1]])
    await settled()
    expect(await ask([[0.5], [1]])).toEqual({ scores: linear([0.5], [1]), degraded: ['ranker-failed'] })
  })
  it('that is right on trial and wrong on a request is not used for that request', async () => {
    const fragile: Run = (input) => firstColumn(input).map((score) => (score === 1 ? Number.NaN : score))
    const { ask, settled } = await open(sessionOf(fragile))
    await ask([[0.5]])
    await settled()
    expect(await ask([[1], [0.5]])).toEqual({ scores: linear([1], [0.5]), degraded: ['ranker-failed'] })
    expect((await ask([[0.5]])).degraded).toEqual([])
  })
  it('that is over its budget several times in a row is left out for a while', async () => {
    const { ask, settled } = await open(sessionOf(firstColumn))
    await ask([[0.5]])
    await settled()
    const row = [[0.5]]
    const slow = () => ask(row, BUDGETS.rank + 1)
    for (let run = 1; run < SLOW_RUNS_MAX; run++) expect((await slow()).degraded).toEqual([])
    expect((await ask(row, BUDGETS.rank)).degraded).toEqual([]) // just in time: counting begins anew
    for (let run = 1; run <= SLOW_RUNS_MAX; run++) expect((await slow()).degraded).toEqual([])
    expect(await ask(row)).toEqual({ scores: linear(...row), degraded: ['ranker-over-budget'] })
    now += SLOW_PAUSE_MS
    expect(await ask(row)).toEqual({ scores: [0.5], degraded: [] })
  })
})

it('where no ranker is named the linear one scores at once', async () => {
  const bucket = { get: () => Promise.reject(new Error('nobody asks the bucket')) }
  const rank = createRank({ bucket, clock: () => now, createSession: sessionOf(firstColumn) })
  const stages = new StageTimer(() => 0, BUDGETS)
  const row = Array.from({ length: SEEN + 1 }, (_, at) => (at === VECTOR ? 1 : 0))
  expect(rank(undefined, features(row), 1, stages, waitUntil)).toEqual({
    scores: Float32Array.of(LINEAR_WEIGHTS.vector),
    degraded: [],
  })
})

describe('a ranker that says what would come of showing an item', () => {
  // Two items: one is clicked, the other is bought; the third costs most.
  const PROBABILITIES = {
    click: Float32Array.of(0.9, 0.3, 0.2),
    cart: Float32Array.of(0.1, 0.25, 0.18),
    purchase: Float32Array.of(0.01, 0.2, 0.15),
  }
  const session = {
    inputs: ['features'],
    outputs: ['click', 'cart', 'purchase'],
    run: async () => PROBABILITIES as Record<string, Float32Array>,
    release: async () => {},
  }
  const ranker = createOnnxRanker(session, { features: ['vector'] })
  const orderBy = async (objective: Objective, prices?: Float32Array) => {
    const scores = await ranker.score(features([0], [0], [0]), 3, {
      objective,
      ...(prices ? { prices } : {}),
    })
    expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true)
    return [0, 1, 2].sort((a, b) => scores[b]! - scores[a]!)
  }

  it.each<[Objective, number[]]>([
    ['click', [0, 1, 2]],
    ['conversion', [1, 2, 0]],
    ['balanced', [1, 2, 0]],
    ['revenue', [2, 1, 0]],
  ])('orders for %s', async (objective, order) => {
    expect(await orderBy(objective, Float32Array.of(10, 10, 20))).toEqual(order)
  })

  it('without prices takes revenue for conversion', async () => {
    expect(await orderBy('revenue')).toEqual([1, 2, 0])
    expect(await orderBy('revenue', new Float32Array(3))).toEqual([1, 2, 0])
  })

  it('with a probability that is no number is not right', async () => {
    const broken = createOnnxRanker(
      { ...session, run: async () => ({ ...PROBABILITIES, cart: Float32Array.of(Number.NaN, 0, 0) }) },
      { features: ['vector'] },
    )
    await expect(broken.score(features([0], [0], [0]), 3)).rejects.toThrow('not finite')
  })
})
