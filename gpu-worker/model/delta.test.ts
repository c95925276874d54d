/** @file A delta as a file, what is refused of it, and that adapters compute at inference what they did in training. */
import { afterAll, describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { createEncoder } from '../encode/encoder.ts'
import { buildQueryEncoder } from '../encode/query-encoder.ts'
import { openSession } from '../runtime/session.ts'
import { padTexts } from '../train/data/padding.ts'
import { createNetwork } from '../train/network.ts'
import { type Checkpoint, checkpointFiles, checkpointFromFiles, modelId } from './checkpoint.ts'
import type { ParameterSpec } from './config.ts'
import { applyDelta, createDelta, type Delta, decodeDelta, encodeDelta, withTuned } from './delta.ts'
import { classifierSpecs } from './heads.ts'
import { type CheckpointTensor, decodeSafetensors, encodeSafetensors } from './safetensors.ts'
import { createSeededCheckpoint } from './seeded.ts'
import { Tuning, tuningSpecs } from './tuning.ts'

const letters = [...'abcdefghijklmnopqrstuvwxyz']
const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...letters, ...letters.map((l) => `##${l}`)]
const baseOf = (seed: number): Checkpoint =>
  createSeededCheckpoint({ vocabulary, seed, layers: 2, hidden: 16, heads: 2, positions: 64 })
const base = baseOf(1)

const tuningOf = (settings: object) => {
  const tuning = Tuning.parse(settings)
  if (tuning.kind === 'full') throw new Error('few parameters')
  return tuning
}
const lora = tuningOf({ kind: 'lora', rank: 3 })
const adalora = tuningOf({ kind: 'adalora', rank: 3 })
const adapter = tuningOf({ kind: 'adapter', size: 4 })

/** As if training had moved every number. */
function randomTensors(specs: readonly ParameterSpec[], seed = 5): Map<string, CheckpointTensor> {
  const random = createRandom(seed)
  return new Map(
    specs.map(({ name, shape }) => {
      const length = shape.reduce((product, dim) => product * dim, 1)
      return [name, { shape, data: Float32Array.from({ length }, () => gaussian(random) * 0.3) }]
    }),
  )
}
const tensorsOf = (tuning: Tuning) => randomTensors(tuningSpecs(base.config, tuning))
const deltaOf = (tuning: Delta['tuning']) => createDelta(base, tuning, tensorsOf(tuning))
const readBack = (delta: Delta): Delta => {
  const read = decodeDelta(encodeDelta(delta))
  if (!read.ok) throw new Error(read.error)
  return read.value
}
const bytesOf = (checkpoint: Checkpoint) => checkpointFiles(checkpoint).map(({ bytes }) => Buffer.from(bytes))

describe('a delta', () => {
  it.each([lora, adalora, adapter])('of $kind comes back from its bytes as it was', (tuning) => {
    const delta = { ...deltaOf(tuning), labels: ['lamps', 'rugs'] }
    expect(readBack(delta)).toEqual(delta)
    expect(delta.base).toBe(modelId(base))
  })

  it('has no room for ranks that AdaLoRA gave up, and gives the same model without them', () => {
    const tensors = tensorsOf(adalora)
    const module = (layer: number, part: string) => `encoder.layer.${layer}.attention.self.${part}`
    tensors.get(`${module(0, 'query')}.lora_E`)!.data[1] = 0
    tensors.get(`${module(1, 'value')}.lora_E`)!.data.fill(0)
    const delta = readBack(createDelta(base, adalora, tensors))
    expect(delta.tensors.get(`${module(0, 'query')}.lora_A`)!.shape).toEqual([2, 16])
    expect(delta.tensors.get(`${module(0, 'query')}.lora_B`)!.shape).toEqual([16, 2])
    expect([...delta.tensors.keys()].filter((name) => name.startsWith(module(1, 'value')))).toEqual([])
    const applied = applyDelta(base, delta)
    expect(applied.ok && bytesOf(applied.value)).toEqual(bytesOf(withTuned(base, adalora, tensors)))
  })

  const without = (tensors: Delta['tensors'], ...names: string[]) =>
    new Map([...tensors].filter(([name]) => !names.includes(name)))
  const query = 'encoder.layer.0.attention.self.query'
  const good = deltaOf(lora)
  const faults: [string, Delta, Checkpoint, string][] = [
    ['another base', good, baseOf(2), `it belongs to the base ${modelId(base)}, and this is bert-2x16-`],
    [
      'tensors that are missing or of another shape, all of them named',
      {
        ...good,
        tensors: new Map([
          ...without(good.tensors, `${query}.lora_A`),
          [`${query}.lora_B`, { shape: [16, 2], data: new Float32Array(32) }],
        ]),
      },
      base,
      `has no tensor ${query}.lora_A; ${query}.lora_B has shape [16, 2], lora on this base asks for [16, 3]`,
    ],
    [
      'half of a module of AdaLoRA',
      { ...deltaOf(adalora), tensors: without(tensorsOf(adalora), `${query}.lora_E`) },
      base,
      `has no tensor ${query}.lora_E`,
    ],
    [
      'tensors that no tuning makes',
      { ...good, tensors: new Map([...good.tensors, ['x', { shape: [1], data: new Float32Array(1) }]]) },
      base,
      'x has no place in it',
    ],
    [
      'fewer classes than labels',
      {
        ...good,
        labels: ['a', 'b', 'c'],
        tensors: new Map([...good.tensors, ...randomTensors(classifierSpecs(base.config, 2))]),
      },
      base,
      'classifier.weight has shape [2, 16], lora on this base asks for [3, 16]',
    ],
  ]
  it.each(faults)('with %s is refused', (_name, delta, on, words) => {
    const applied = applyDelta(on, readBack(delta))
    expect(applied.ok ? 'ok' : applied.error).toContain(words)
  })

  const file = encodeDelta(good)
  const withMetadata = (change: Record<string, string>) => {
    const tensors = decodeSafetensors(file)
    const metadata = { format: 'aisle-delta', version: '1', base: 'b', tuning: JSON.stringify(lora) }
    return encodeSafetensors(tensors.ok ? tensors.value : new Map(), { metadata: { ...metadata, ...change } })
  }
  it.each([
    ['the weights of a model', checkpointFiles(base).at(-1)!.bytes, 'not a delta of Aisle'],
    ['a later version', withMetadata({ version: '2' }), 'a delta of version 2'],
    ['a tuning that there is not', withMetadata({ tuning: '{"kind":"other"}' }), 'metadata are damaged'],
    ['a tuning that is no JSON', withMetadata({ tuning: '{' }), 'metadata are damaged'],
    ['labels that are none', withMetadata({ labels: '7' }), 'metadata are damaged'],
    ['a file that is cut off', file.slice(0, -4), 'lies outside the file'],
    ['a file of text', new TextEncoder().encode('no tensors at all'), 'header'],
  ])('is not read from %s', (_name, bytes, words) => {
    const read = decodeDelta(bytes)
    expect(read.ok ? 'ok' : read.error).toContain(words)
  })
})

describe('a model with adapters', async () => {
  const tensors = tensorsOf(adapter)
  const model = withTuned(base, adapter, tensors)
  const texts = ['red lamp', 'a', 'a long one with many words in it']
  const tokenizer = createWordPiece(base)
  const exact = await createEncoder({ checkpoint: model, precision: 'fp32' })
  afterAll(() => exact.close())
  const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0)

  it('gives the vectors of the graph that was trained', async () => {
    const rows = texts.map((text) => tokenizer.encode(text, 64))
    const seq = Math.max(...rows.map(({ length }) => length))
    const trained = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
    const net = createNetwork(base.config, { trained, frozen: base.tensors, tuning: adapter, dropout: 0 })
    net.g.output(net.vectors('text', texts.length, seq, 'mean'), 'vectors')
    const session = await openSession(net.g.toModel(), { threads: 1 })
    const parameters = [...tensors].map(([name, { shape, data }]) => [name, { data, dims: shape }])
    const { vectors } = await session.run({
      ...padTexts('text', rows, seq, tokenizer.padId),
      ...Object.fromEntries(parameters),
    })
    await session.close()
    const encoded = await exact.encode(texts)
    for (const [at, vector] of encoded.entries())
      for (const [i, value] of vector.entries())
        expect(Math.abs(value - vectors!.data[at * 16 + i]!)).toBeLessThan(1e-5)
  })

  it('has them in int8 and at the edge too, and without them gives other vectors', async () => {
    const quantised = await createEncoder({ checkpoint: model, precision: 'int8' })
    const bare = await createEncoder({ checkpoint: base, precision: 'fp32' })
    const edge = await openSession(buildQueryEncoder(model), { threads: 1 })
    for (const text of texts) {
      const ids = tokenizer.encode(text, 64)
      const dims = [1, ids.length]
      const { emb } = await edge.run({
        ids: { data: BigInt64Array.from(ids, BigInt), dims },
        mask: { data: new Float32Array(ids.length).fill(1), dims },
      })
      const [vector] = await exact.encode([text])
      const [near] = await quantised.encode([text])
      const [far] = await bare.encode([text])
      expect(cosine(near!, vector!)).toBeGreaterThan(0.99)
      expect(cosine(emb!.data, vector!)).toBeGreaterThan(0.99)
      expect(cosine(far!, vector!)).toBeLessThan(0.98)
    }
    await Promise.all([quantised.close(), bare.close(), edge.close()])
  })

  it('comes back from its files, and is refused when an adapter is not whole', () => {
    const read = checkpointFromFiles(checkpointFiles(model))
    expect(read.ok && bytesOf(read.value)).toEqual(bytesOf(model))
    const name = 'encoder.layer.1.output.dense.adapter.up.weight'
    const heads = new Map([...model.heads].filter(([one]) => one !== name))
    const broken = checkpointFromFiles(checkpointFiles({ ...model, heads }))
    expect(broken.ok ? 'ok' : broken.error.message).toBe(`model.safetensors: has no tensor ${name}`)
  })
})
