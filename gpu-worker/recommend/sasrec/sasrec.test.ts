import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../../shared/lib/random.ts'
import { openSession } from '../../runtime/session.ts'
import { readSasrec, SasrecFileError } from './files.ts'
import type { SasrecSettings } from './settings.ts'
import { type TrainedSasrec, type TrainSasrecOptions, trainSasrec } from './train.ts'

const settings: Partial<SasrecSettings> = {
  ...{ hidden: 16, layers: 2, heads: 2, inner: 16, positions: 8, epochs: 40 },
  ...{ rows: 4, rowLength: 16, rate: 0.01, dropout: 0, weightDecay: 0, temperature: 0.1 },
}
/** Walks around a ring of items, forwards: the next item is the one after the last. The last two items occur in none. */
const RING = 20
const ITEMS = RING + 2
const random = createRandom(4)
const walks = Array.from({ length: 60 }, () => {
  const start = Math.floor(random() * RING)
  const length = 2 + Math.floor(random() * 12)
  return Uint32Array.from({ length }, (_, at) => (start + at) % RING)
})
/** An item's text says where on the ring it is: the first unseen item is said to lie where the third does. */
const textOf = (item: number) => {
  const at = item === RING ? 3 : item
  return [Math.sin((2 * Math.PI * at) / RING), Math.cos((2 * Math.PI * at) / RING), item === RING + 1 ? 5 : 0]
}
const itemVectors = {
  size: 3,
  data: Float32Array.from(Array.from({ length: ITEMS }, (_, item) => textOf(item)).flat()),
}
const train = (more: Partial<TrainSasrecOptions> = {}) =>
  trainSasrec({ itemCount: ITEMS, sequences: walks }, { settings, seed: 1, ...more })
const bestOf = (scores: Float32Array) => scores.indexOf(Math.max(...scores))

describe('a sequence model', () => {
  let directory: string
  let trained: TrainedSasrec
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aisle-sasrec-'))
    trained = await train()
  })
  afterAll(async () => {
    await trained.model.close()
    await rm(directory, { recursive: true })
  })

  it('learns what follows what', async () => {
    const histories = Array.from({ length: RING }, (_, item) =>
      Uint32Array.of((item + RING - 1) % RING, item),
    )
    const scores = await trained.model.score(histories)
    expect(scores.map(bestOf)).toEqual(histories.map(([, last]) => (last! + 1) % RING))
  })

  it('scores a history the same alone and among others, by its latest items', async () => {
    const long = Uint32Array.from({ length: 30 }, (_, at) => (at * 7) % RING)
    const histories = [Uint32Array.of(3, 4), long, Uint32Array.of(9), long.subarray(-8), Uint32Array.of()]
    const [first, , third, latest] = await trained.model.score(histories)
    const together = await trained.model.score(histories)
    expect((await trained.model.score([histories[0]!]))[0]).toEqual(first)
    expect((await trained.model.score([histories[2]!]))[0]).toEqual(third)
    expect(together[1]).toEqual(latest)
    expect(together[4]).toEqual(new Float32Array(ITEMS))
  })

  it('is read as it was saved, and its tower gives the vectors that the scores are made of', async () => {
    await trained.save(directory)
    const read = await readSasrec(directory)
    const history = Uint32Array.of(5, 6, 7)
    const [scores] = await trained.model.score([history])
    expect((await read.model.score([history]))[0]).toEqual(scores)
    await read.model.close()

    const tower = await openSession(await readFile(join(directory, 'tower.onnx')), { threads: 1 })
    const { size, data } = trained.items
    const vectorOf = (item: number) => data.subarray(item * size, (item + 1) * size)
    const items = {
      data: Float32Array.from([...history].flatMap((item) => [...vectorOf(item)])),
      dims: [1, 3, size],
    }
    const { user } = await tower.run({ items })
    await tower.close()
    for (const item of [0, 8, 19]) {
      const cosine = vectorOf(item).reduce((sum, x, at) => sum + x * user!.data[at]!, 0)
      expect(cosine).toBeCloseTo(scores![item]!, 4)
    }
  })

  it('refuses a folder without a model, and a damaged one', async () => {
    await expect(readSasrec(join(directory, 'none'))).rejects.toThrow(SasrecFileError)
    await writeFile(join(directory, 'sasrec.safetensors'), 'not this')
    await expect(readSasrec(directory)).rejects.toThrow(/cannot be read/)
  })
})

it('gives an item without events a place by its text', async () => {
  const { model } = await train({ itemVectors })
  const [scores] = await model.score([Uint32Array.of(1, 2)])
  const order = [...scores!.keys()].sort((a, b) => scores![b]! - scores![a]!)
  expect(order.indexOf(RING)).toBeLessThan(4)
  expect(order.indexOf(RING + 1)).toBeGreaterThan(4)
  await model.close()
})

it('learns from a sample of a catalogue that is too large for a softmax over all', async () => {
  const { model } = await train({ settings: { ...settings, fullSoftmaxItemsMax: 10, sampledItems: 12 } })
  const scores = await model.score([Uint32Array.of(3, 4), Uint32Array.of(11, 12)])
  expect(scores.map(bestOf)).toEqual([5, 13])
  await model.close()
})

it('makes the same model of the same seed, bit for bit, and another of another', async () => {
  const short = { ...settings, epochs: 2, dropout: 0.2 }
  const vectors = async (seed: number) => {
    const { items, model } = await train({ settings: short, seed })
    await model.close()
    return items.data
  }
  const first = await vectors(1)
  expect(await vectors(1)).toEqual(first)
  expect(await vectors(2)).not.toEqual(first)
})

it('lets no shopper have more of a say than their latest events', async () => {
  const vectors = async (sequence: Uint32Array) => {
    const { items, model } = await trainSasrec(
      { itemCount: ITEMS, sequences: [...walks, sequence] },
      { settings: { ...settings, epochs: 1 }, seed: 1 },
    )
    await model.close()
    return items.data
  }
  const poison = Uint32Array.from({ length: 10_000 }, (_, at) => (at % 2 === 0 ? 3 : 11))
  expect(await vectors(poison)).toEqual(await vectors(poison.slice(-9)))
})

it('ends with what it has when its time is over or it is told to', async () => {
  let steps = 0
  const stop = new AbortController()
  const { model } = await train({
    signal: stop.signal,
    onProgress: () => {
      if (++steps === 3) stop.abort()
    },
  })
  expect(steps).toBe(3)
  expect((await model.score([Uint32Array.of(1)]))[0]!.every(Number.isFinite)).toBe(true)
  await model.close()
  const none = await train({ minutes: 0 })
  expect((await none.model.score([Uint32Array.of(1)]))[0]!.length).toBe(ITEMS)
  await none.model.close()
})
