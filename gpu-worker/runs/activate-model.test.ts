/** @file Switching models on the in-memory bucket with real, small encoders: what is encoded, what readers see, races. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import { buildIndex } from '../../shared/retrieval/load-index.ts'
import { searchVector } from '../../shared/retrieval/vector.ts'
import { contentHash, Item } from '../../shared/schema/item.ts'
import { type BatchRow, batchKey } from '../../shared/schema/jobs.ts'
import type { ModelRef } from '../../shared/schema/manifest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { createIndexStore } from '../indexing/index-store.ts'
import { createIndexItems } from '../jobs/index-items.ts'
import type { ModelStore } from '../jobs/model.ts'
import { createModelStore } from '../jobs/model-store.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { createSeededCheckpoint } from '../model/seeded.ts'
import { ActivationError, activateModel } from './activate-model.ts'

const nowMs = () => 1_760_000_000_000
const quiet = { onProgress: async () => {}, shouldStop: () => false }
let blobs: ReturnType<typeof createMemoryBlobStore>
let models: ModelStore
let other: ModelRef

beforeEach(async () => {
  blobs = createMemoryBlobStore()
  models = createModelStore({
    blobs,
    modelDir: undefined,
    precision: 'fp32',
    threads: 1,
    seededSize: { layers: 1, hidden: 32, heads: 2 },
  })
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
  const checkpoint = createSeededCheckpoint({ vocabulary, seed: 4, layers: 1, hidden: 16, heads: 2 })
  other = await models.upload({ ...checkpoint, trained: true })
})
afterEach(() => models.close())

type Given = { number: number; version?: number; title?: string; removed?: boolean }
let batches = 0
async function index(rows: Given[]): Promise<void> {
  const batchId = `b${batches++}`
  const lines = await Promise.all(
    rows.map(async ({ number, version = 1, title = `Item number ${number}`, removed }) => {
      const item = Item.parse({ id: `i${number}`, title, description: `All about ${title}` })
      const hash = await contentHash(item)
      const row: BatchRow = {
        number,
        version,
        contentHash: hash,
        duplicateOf: null,
        item: removed ? null : item,
      }
      return JSON.stringify(row)
    }),
  )
  await blobs.put(batchKey(batchId), new TextEncoder().encode(lines.join('\n')))
  await createIndexItems({ blobs, store: createIndexStore(blobs), models, nowMs }).run([batchId], {
    expired: () => false,
  })
}
async function switchTo(ref: ModelRef, options = quiet) {
  const model = await models.openBeside(ref)
  try {
    return await activateModel({ blobs, store: createIndexStore(blobs), nowMs }, model, options)
  } finally {
    await model.close()
  }
}
async function live() {
  const loaded = (await createIndexStore(blobs).load())!
  return { ...loaded, index: buildIndex(loaded.manifest, loaded.segments) }
}
const many = (from: number, to: number): Given[] =>
  Array.from({ length: to - from + 1 }, (_, at) => ({ number: from + at }))

describe('switching to another model', () => {
  it('gives every item a vector of the new model and leaves the words as they were', async () => {
    await index(many(1, 20))
    await index([
      { number: 3, version: 2, title: 'Red lamp' },
      { number: 5, version: 2, removed: true },
    ])
    const before = await live()
    const result = await switchTo(other)
    const after = await live()
    expect(result).toEqual({ encoded: 19, version: before.manifest.version + 1 })
    expect(after.manifest.model).toEqual(other)
    expect(after.index.liveCount).toBe(19)
    expect(after.index.docOfId('i5')).toBeUndefined()
    const found = searchLexical(after.index, analyseQuery('red lamp '), 5).matches
    expect(found.map(({ doc }) => after.index.title(doc))[0]).toBe('Red lamp')
    const model = await models.openBeside(other)
    const [vector] = await model.encode(['Red lamp. All about Red lamp'])
    await model.close()
    const [nearest] = searchVector(after.index, vector!, 1)
    expect(after.index.id(nearest!.doc)).toBe('i3')
    expect(nearest!.score).toBeGreaterThan(0.99)
  })

  it('goes back without encoding what has not changed', async () => {
    await index(many(1, 10))
    const first = (await live()).manifest.model
    await switchTo(other)
    await index([{ number: 2, version: 2, title: 'Changed meanwhile' }, { number: 11 }])
    const back = await switchTo(first)
    expect(back.encoded).toBe(2)
    const after = await live()
    expect(after.manifest.model.id).toBe(first.id)
    expect(after.index.liveCount).toBe(11)
    // What came in between was encoded under `other` too, while it was live.
    expect(await switchTo(other)).toMatchObject({ encoded: 0 })
  })

  it('does nothing when the model is live already', async () => {
    await index(many(1, 3))
    const { manifest } = await live()
    expect(await switchTo(manifest.model)).toEqual({ encoded: 0, version: manifest.version })
  })

  it('encodes what is published while it works, and loses none of it', async () => {
    await index(many(1, 12))
    let races = 0
    const result = await switchTo(other, {
      shouldStop: () => false,
      onProgress: async () => {
        if (races++ === 0) await index([{ number: 1, version: 2, title: 'Late change' }, { number: 99 }])
        else if (races === 2) await index([{ number: 2, version: 2, removed: true }])
      },
    })
    const after = await live()
    expect(result.encoded).toBe(14)
    expect(after.manifest.model.id).toBe(other.id)
    expect(after.index.liveCount).toBe(12)
    expect(after.index.title(after.index.docOfNumber(1)!)).toBe('Late change')
    expect(after.index.docOfNumber(2)).toBeUndefined()
    expect(after.index.docOfNumber(99)).toBeDefined()
  })

  it('changes nothing when it is stopped', async () => {
    await index(many(1, 5))
    const before = await live()
    await expect(switchTo(other, { ...quiet, shouldStop: () => true })).rejects.toThrow(ActivationError)
    expect((await live()).manifest).toEqual(before.manifest)
  })

  it('says what to do when there is no index, or an old one without sources', async () => {
    await expect(switchTo(other)).rejects.toThrow('import a catalogue first')
    await index(many(1, 2))
    const object = (await blobs.get('manifest.json'))!
    const manifest = JSON.parse(new TextDecoder().decode(object.bytes))
    for (const segment of manifest.segments) delete segment.source
    await blobs.put('manifest.json', new TextEncoder().encode(JSON.stringify(manifest)))
    await expect(switchTo(other)).rejects.toThrow('import the catalogue again')
  })

  it('keeps the sources of segments that are merged', async () => {
    for (let number = 1; number <= 20; number++) await index([{ number }])
    await index([{ number: 4, version: 2, removed: true }])
    expect((await live()).manifest.segments.length).toBeLessThan(12)
    expect(await switchTo(other)).toMatchObject({ encoded: 19 })
  })
})
