/** @file Rankers in ONNX Runtime as the edge runs it: right ones, wrong ones, and what recommendations say of them. */
import { beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { SIGNALS_KEY, type Signals } from '../../shared/schema/events.ts'
import { MANIFEST_KEY, type Manifest, type RankerRef } from '../../shared/schema/manifest.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import type { RankedReply } from '../../shared/schema/replies.ts'
import { call, env, KEYS, prepareDatabase, publishIndex } from '../../test/fixtures/edge.ts'
import {
  featureModel,
  logModel,
  misnamedModel,
  mlpModel,
  multiTaskModel,
  nanModel,
  narrowModel,
  oneScoreModel,
} from '../../test/fixtures/rank-models.ts'
import { createOrtSession } from './ort-session.ts'
import { createOnnxRanker } from './ranker.ts'

const NAMES = { features: [...RANK_FEATURES] }
const open = async (model: Uint8Array) => createOnnxRanker(await createOrtSession(model), NAMES)

function randomFeatures(rows: number, seed: number): Float32Array {
  const random = createRandom(seed)
  const features = new Float32Array(rows * RANK_FEATURES_MAX)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < RANK_FEATURES.length; column++)
      features[row * RANK_FEATURES_MAX + column] = random()
  return features
}

describe('a ranker in ONNX Runtime', () => {
  it('that cannot be read does not keep later ones from loading', async () => {
    // First of all in this isolate: the runtime starts with it.
    await expect(createOrtSession(Uint8Array.of(8, 10, 255, 1))).rejects.toThrow()
    expect((await open(featureModel(0))).score).toBeTypeOf('function')
  })
  it('gives what its weights say, for any number of rows, a batch as its rows one by one', async () => {
    const mlp = mlpModel(64, 5)
    const ranker = await open(mlp.model)
    for (const rows of [1, 3, 200]) {
      const features = randomFeatures(rows, rows)
      const scores = await ranker.score(features, rows)
      const expected = mlp.score(features, rows)
      // f32 sums in another order: a few units in the last place.
      for (const [row, score] of scores.entries()) expect(score).toBeCloseTo(expected[row]!, 5)
    }
    await ranker.release()
  })
  it('that says what would come of an item scores it by what is asked for', async () => {
    const ranker = await open(multiTaskModel(RANK_FEATURES.length, 3))
    const features = randomFeatures(50, 1)
    const click = await ranker.score(features, 50, { objective: 'click' })
    const conversion = await ranker.score(features, 50, { objective: 'conversion' })
    for (const [row, likely] of conversion.entries()) expect(likely).toBeLessThan(click[row]!)
    const third = features.subarray(2 * RANK_FEATURES_MAX, 3 * RANK_FEATURES_MAX)
    const alone = await ranker.score(third, 1, { objective: 'click' })
    expect(alone[0]).toBeCloseTo(click[2]!, 5)
    await ranker.release()
  })
  it.each([
    ['rows of another width', narrowModel],
    ['one score for all', oneScoreModel],
    ['negative or endless scores', () => logModel(0)],
  ])('with %s is refused when it is run', async (_name, model) => {
    const ranker = await open(model())
    await expect(ranker.score(randomFeatures(200, 1), 200)).rejects.toThrow()
  })
  it('with another output is refused when it is opened', async () => {
    await expect(open(misnamedModel())).rejects.toThrow('outputs logits')
  })
})

/** Six items of two kinds; a later one is more popular. */
const ITEMS = Array.from({ length: 6 }, (_, n) => ({
  id: `i${n + 1}`,
  title: `${n % 2 ? 'lamp' : 'chair'} ${n + 1}`,
  category: ['Home', n % 2 ? 'Lamps' : 'Chairs'],
  price: 10,
  stock: 5,
  vector: Float32Array.of(1, n / 10, 0, 0),
}))
const POPULARITY = ITEMS.map((_, n): [number, number] => [n + 1, 2 ** (n + 1)])

describe('recommendations by a ranker that the manifest names', () => {
  let version = 1
  let base: Manifest
  beforeAll(async () => {
    await prepareDatabase()
    await env.BUCKET.put(
      SIGNALS_KEY,
      JSON.stringify({
        computedAt: new Date(0).toISOString(),
        popular: POPULARITY.toReversed(),
        together: {},
        queries: [],
      } satisfies Signals),
    )
    await publishIndex(ITEMS)
    base = (await (await env.BUCKET.get(MANIFEST_KEY))!.json()) as Manifest
  })
  /** A busy machine may be late with the profile as well. */
  const rankerFaults = ({ degraded }: RankedReply) => degraded.filter((fault) => fault.startsWith('ranker'))
  async function publish(model: Uint8Array, change: Partial<RankerRef> = {}) {
    const sha256 = await sha256Hex(model)
    const key = `rankers/${sha256}.onnx`
    await env.BUCKET.put(key, model)
    const ranker = { key, bytes: model.length, sha256, ...NAMES, ...change }
    const manifest = fixtureManifest(base.segments, { version: ++version, ranker })
    await env.BUCKET.put(MANIFEST_KEY, JSON.stringify(manifest))
  }
  /** The first reply of the published version, and one of those once the ranker's loading has ended. */
  async function recommend() {
    const ask = async () => {
      const path = '/v1/recommendations?userId=nobody&itemId=i1&limit=5'
      return (await call<RankedReply>('GET', path, { key: KEYS.public })).body
    }
    let first: RankedReply | undefined
    await expect
      .poll(
        async () => {
          const reply = await ask()
          if (reply.indexVersion === version) first ??= reply
          return (
            first !== undefined &&
            !reply.degraded.includes('ranker-loading') &&
            reply.indexVersion === version
          )
        },
        { timeout: 20_000 },
      )
      .toBe(true)
    return { first: first!, later: await ask() }
  }

  it('the first reply is the linear one and says so, later ones are the ranker’s', async () => {
    await publish(featureModel(RANK_FEATURES.indexOf('popular')))
    const { first, later } = await recommend()
    expect(rankerFaults(first)).toEqual(['ranker-loading'])
    expect(first.hits).toHaveLength(5)
    expect(rankerFaults(later)).toEqual([])
    expect(later.hits[0]!.id).toBe('i6')
    expect(later.hits[0]!.score).toBe(1)
  })
  it('a corrupt one leaves the linear list, and the reply says so', async () => {
    await publish(mlpModel(8, 1).model, { sha256: 'f'.repeat(64) })
    const { later } = await recommend()
    expect(rankerFaults(later)).toEqual(['ranker-failed'])
    expect(later.hits).toHaveLength(5)
  })
  it('one that fails on some requests only leaves those the linear list', async () => {
    await publish(nanModel(RANK_FEATURES.indexOf('seen')))
    const { later } = await recommend()
    expect(rankerFaults(later)).toEqual(['ranker-failed'])
    expect(later.hits).toHaveLength(5)
  })
  it('one that says outcomes ranks for the objective of the request', async () => {
    await publish(multiTaskModel(RANK_FEATURES.length, 3))
    await recommend()
    const ask = (objective: string) =>
      call<RankedReply>('GET', `/v1/recommendations?userId=nobody&itemId=i1&limit=5&objective=${objective}`, {
        key: KEYS.public,
      })
    const scoresFor = async (objective: string) => {
      const { hits } = (await ask(objective)).body
      return new Map(hits.map(({ id, score }) => [id, score]))
    }
    const [click, conversion, revenue] = [
      await scoresFor('click'),
      await scoresFor('conversion'),
      await scoresFor('revenue'),
    ]
    expect(click.size).toBe(5)
    for (const [id, score] of click) expect(score).toBeGreaterThan(conversion.get(id)!)
    // Everything costs the same.
    expect(revenue).toEqual(conversion)
    expect((await ask('fame')).status).toBe(400)
  })
})
