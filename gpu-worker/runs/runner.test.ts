/** @file Real runs on the in-memory bucket: two workers at once, a model that is worse than the live one, data that teach nothing. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { contentHash, Item } from '../../shared/schema/item.ts'
import { type BatchRow, batchKey } from '../../shared/schema/jobs.ts'
import { MANIFEST_KEY, Manifest, type RankerRef } from '../../shared/schema/manifest.ts'
import { Run, rankerKey, runKey, TrainRequest } from '../../shared/schema/models.ts'
import {
  featureModel,
  logModel,
  misnamedModel,
  multiTaskModel,
  narrowModel,
  oneScoreModel,
} from '../../test/fixtures/rank-models.ts'
import { tinyPretrain } from '../../test/fixtures/tiny-shop.ts'
import { createIndexStore } from '../indexing/index-store.ts'
import { createIndexItems } from '../jobs/index-items.ts'
import type { ModelStore } from '../jobs/model.ts'
import { createModelStore } from '../jobs/model-store.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { writeCheckpoint } from '../model/checkpoint.ts'
import { createSeededCheckpoint } from '../model/seeded.ts'
import { createRunStore } from './run-store.ts'
import { createRunner } from './runner.ts'
import { readCard } from './train-model.ts'

const nowMs = () => Date.now()
let directory: string
let blobs: ReturnType<typeof createMemoryBlobStore>
let models: ModelStore
/** What the workers said, in the order in which they said it. */
let said: string[]

/** Model numbers: words find one that is typed as it stands, and vectors of its letters one with a typing error too. */
function itemsOf(): Item[] {
  const random = createRandom(3)
  const pick = (letters: string) => letters[Math.floor(random() * letters.length)]!
  // With three digits, so that no error in it is taken for a word's.
  const title = () =>
    Array.from({ length: 3 }, () => pick('abcdefghijklmnopqrstuvwxyz') + pick('0123456789')).join('')
  return Array.from({ length: 60 }, (_, at) => Item.parse({ id: `i${at}`, title: title() }))
}
/** Each letter is a token, so that letters in another order have nearly the same vector. */
function createLiveModel() {
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789']
  const vocabulary = [
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    '[MASK]',
    ...letters,
    ...letters.map((l) => `##${l}`),
  ]
  return {
    ...createSeededCheckpoint({ vocabulary, seed: 4, layers: 1, hidden: 64, heads: 2 }),
    trained: true,
  }
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-runner-'))
  blobs = createMemoryBlobStore()
  said = []
  const modelDir = join(directory, 'live')
  await writeCheckpoint(modelDir, createLiveModel())
  models = createModelStore({ blobs, modelDir, precision: 'fp32', threads: 1 })
  const rows = await Promise.all(
    itemsOf().map(async (item, at): Promise<BatchRow> => {
      const hash = await contentHash(item)
      return { number: at + 1, version: 1, contentHash: hash, duplicateOf: null, item }
    }),
  )
  await blobs.put(
    batchKey('all'),
    new TextEncoder().encode(rows.map((row) => JSON.stringify(row)).join('\n')),
  )
  await createIndexItems({ blobs, store: createIndexStore(blobs), models, nowMs }).run(['all'], {
    expired: () => false,
  })
})
afterEach(async () => {
  await models.close()
  await rm(directory, { recursive: true })
})

function createWorker(name: string, onSaid: () => void = () => {}) {
  return createRunner({
    ...{ blobs, store: createIndexStore(blobs), models, runs: createRunStore(blobs, nowMs), nowMs },
    ...{ directory: join(directory, name), threads: 1, provider: 'cpu' },
    log(event, facts = {}) {
      said.push(`${event} ${facts.runId}`)
      onSaid()
    },
  })
}
let asked = 0
async function ask(id: string, what: Partial<Run>): Promise<void> {
  const requestedAt = new Date(1_760_000_000_000 + asked++).toISOString()
  const run: Run = { id, kind: 'train', state: 'queued', requestedAt, attempts: 0, ...what }
  await blobs.put(runKey(id), new TextEncoder().encode(JSON.stringify(run)))
}
const runOf = async (id: string) =>
  Run.parse(JSON.parse(new TextDecoder().decode((await blobs.get(runKey(id)))!.bytes)))
const training = (recipe: object, activate = false) => ({ request: TrainRequest.parse({ recipe, activate }) })
async function perform(id: string, what: Partial<Run>): Promise<Run> {
  await ask(id, what)
  const worker = createWorker('one')
  worker.wake()
  await worker.idle()
  return runOf(id)
}

describe('runs by real workers', () => {
  it('that are asked for at once are done one after the other, though two workers are awake', async () => {
    await ask('a', training(tinyPretrain))
    await ask('b', training({ ...tinyPretrain, seed: 2 }))
    const workers = ['one', 'two'].map((name) => createWorker(name, () => wakeAll()))
    const wakeAll = () => {
      for (const worker of workers) worker.wake()
    }
    wakeAll()
    // Once for each run: who is idle during the first may do the second.
    for (const _ of ['a', 'b']) await Promise.all(workers.map((worker) => worker.idle()))
    expect(said).toEqual(['run-started a', 'run-ended a', 'run-started b', 'run-ended b'])
    for (const run of [await runOf('a'), await runOf('b')]) {
      expect(['done', 'refused']).toContain(run.state)
      expect((await readCard(blobs, run.modelId!))!.runId).toBe(run.id)
    }
  })

  it('a model that is worse than the live one is kept but refused, with the comparison', async () => {
    const before = (await createIndexStore(blobs).load())!.manifest
    // One step, in which every weight moves by about 1: nothing of what it could is left.
    const settings = { steps: 1, rate: 1, schedule: 'constant', warmUp: 0, batch: 8, maxTokens: 24 }
    const recipe = { version: 1, recipe: 'distil-query-encoder', layers: 1, training: settings }
    const run = await perform('bad', training(recipe, true))
    expect(run).toMatchObject({ state: 'refused', comparison: { accepted: false } })
    const { candidate, live, difference, queries } = run.comparison!
    expect(queries).toBeGreaterThan(30)
    expect(candidate.mean).toBeLessThan(live.mean)
    expect(difference.mean).toBeCloseTo(candidate.mean - live.mean, 10)
    expect(run.error).toMatch(
      / against .* of the live model on \d+ queries; it would make the search worse\./,
    )

    const card = (await readCard(blobs, run.modelId!))!
    expect(card).toMatchObject({ accepted: false, runId: 'bad', comparison: run.comparison })
    expect((await createIndexStore(blobs).load())!.manifest).toEqual(before)

    const activation = await perform('on', { kind: 'activate', modelId: card.id })
    expect(activation.state).toBe('failed')
    expect(activation.error).toContain('The model was refused')
    expect(activation.error).toContain(card.comparison!.reason)
    expect((await createIndexStore(blobs).load())!.manifest).toEqual(before)
  })

  it('of data that teach nothing fail at once, with the sentence', async () => {
    const run = await perform('none', training({ version: 1, recipe: 'co-purchase' }))
    expect(run).toMatchObject({ state: 'failed', attempts: 1 })
    expect(run.error).toContain('at least 20 baskets with two items of the catalogue; there are 0')
  })
})

describe('another ranker', () => {
  const manifestOf = async () =>
    Manifest.parse(JSON.parse(new TextDecoder().decode((await blobs.get(MANIFEST_KEY))!.bytes)))
  async function refOf(model: Uint8Array): Promise<RankerRef> {
    const sha256 = await sha256Hex(model)
    await blobs.put(rankerKey(sha256), model)
    return { key: rankerKey(sha256), bytes: model.length, sha256, features: ['vector', 'together'] }
  }
  const use = async (id: string, ranker: RankerRef | null) => perform(id, { kind: 'use-ranker', ranker })

  it.each([
    ['of one score', () => featureModel(0)],
    ['of three outcomes', () => multiTaskModel(2, 1)],
  ])(
    '%s is named by the next version, stays when items change, and goes when it is dropped',
    async (_, model) => {
      const { version } = await manifestOf()
      const ranker = await refOf(model())
      expect(await use('a', ranker)).toMatchObject({ state: 'done' })
      expect(await manifestOf()).toMatchObject({ version: version + 1, ranker })

      const store = createIndexStore(blobs)
      const live = (await store.load())!
      const { model: encoder, fusion, segments } = live.manifest
      await store.publish(live, { model: encoder, fusion, segments }, nowMs())
      expect((await manifestOf()).ranker).toEqual(ranker)

      expect(await use('b', null)).toMatchObject({ state: 'done' })
      expect((await manifestOf()).ranker).toBeUndefined()
    },
  )

  it.each([
    ['is no model', () => Uint8Array.of(1, 2, 3), 'not an ONNX model'],
    ['takes other rows', narrowModel, 'does not take'],
    ['has other outputs', misnamedModel, 'wanted are score'],
    ['gives one score for all', oneScoreModel, '1 of score for 200 rows'],
    ['gives scores below zero', () => logModel(0), 'negative or not finite'],
  ])('that %s fails with a sentence, and nothing is published', async (_name, model, sentence) => {
    const { version } = await manifestOf()
    const run = await use('a', await refOf(model()))
    expect(run.state).toBe('failed')
    expect(run.error).toContain(sentence)
    expect((await manifestOf()).version).toBe(version)
  })
})
