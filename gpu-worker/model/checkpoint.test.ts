import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import {
  type CheckpointFile,
  checkpointFiles,
  checkpointFromFiles,
  modelId,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'
import { createSeededCheckpoint } from './seeded.ts'

const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'lamp', '##s', '灯']
const make = (seed = 1) =>
  createSeededCheckpoint({ vocabulary: VOCABULARY, seed, layers: 1, hidden: 8, heads: 2, positions: 16 })
const folder = mkdtempSync(join(tmpdir(), 'aisle-checkpoint-'))
afterAll(() => rmSync(folder, { recursive: true }))

const text = (file: CheckpointFile) => new TextDecoder().decode(file.bytes)
const bytes = (value: string) => new TextEncoder().encode(value)
const replace = (files: CheckpointFile[], name: string, content: Uint8Array | null) => [
  ...files.filter((file) => file.name !== name),
  ...(content ? [{ name, bytes: content }] : []),
]
const messageOf = (files: CheckpointFile[]) => {
  const read = checkpointFromFiles(files)
  return read.ok ? 'ok' : `${read.error.kind}: ${read.error.message}`
}

describe('a checkpoint', () => {
  it('comes back from its folder as it went in, under the same id', async () => {
    const checkpoint = make()
    await writeCheckpoint(folder, checkpoint)
    const read = await readCheckpoint(folder)
    if (!read.ok) throw new Error(read.error.message)
    expect({ ...read.value, tensors: null }).toEqual({ ...checkpoint, tensors: null })
    expect(read.value.tensors).toEqual(checkpoint.tensors)
    expect(modelId(read.value)).toBe(modelId(checkpoint))
  })
  it('has another id when one weight differs', () => {
    const other = make()
    other.tensors.values().next().value!.data[0]! += 1e-6
    expect(modelId(other)).not.toBe(modelId(make()))
    expect(modelId(make(2))).not.toBe(modelId(make(1)))
  })
  it('is read with the names of older files: "bert." before, gamma and beta', () => {
    const checkpoint = make()
    const old = new Map(
      [...checkpoint.tensors].map(([name, tensor]) => [
        `bert.${name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')}`,
        tensor,
      ]),
    )
    old.set('cls.predictions.bias', { shape: [3], data: Float32Array.of(1, 2, 3) })
    const read = checkpointFromFiles(
      replace(checkpointFiles(checkpoint), 'model.safetensors', encodeSafetensors(old)),
    )
    expect(read.ok && read.value.tensors).toEqual(checkpoint.tensors)
  })
  it('is read with tokenizer.json in the place of vocab.txt', () => {
    const vocab = Object.fromEntries(VOCABULARY.map((token, id) => [token, id]))
    const tokenizer = JSON.stringify({
      normalizer: { lowercase: false },
      model: { type: 'WordPiece', vocab },
    })
    let files = replace(checkpointFiles(make()), 'vocab.txt', null)
    files = replace(files, 'tokenizer_config.json', null)
    const read = checkpointFromFiles(replace(files, 'tokenizer.json', bytes(tokenizer)))
    expect(read.ok && read.value.vocabulary).toEqual(VOCABULARY)
    expect(read.ok && read.value.lowercase).toBe(false)
  })

  const good = checkpointFiles(make())
  const config = JSON.parse(text(good[0]!)) as Record<string, unknown>
  it.each([
    ['no config', replace(good, 'config.json', null), 'missing-file: A checkpoint needs config.json'],
    ['no vocabulary', replace(good, 'vocab.txt', null), 'missing-file: A checkpoint needs vocab.txt'],
    [
      'no weights',
      replace(good, 'model.safetensors', null),
      'missing-file: A checkpoint needs model.safetensors',
    ],
    [
      'a config that is not JSON',
      replace(good, 'config.json', bytes('{')),
      'malformed: config.json: is not JSON',
    ],
    [
      'another model',
      replace(good, 'config.json', bytes(JSON.stringify({ ...config, model_type: 'gpt2' }))),
      'unsupported: config.json: model_type',
    ],
    [
      'another activation',
      replace(good, 'config.json', bytes(JSON.stringify({ ...config, hidden_act: 'relu' }))),
      'unsupported: config.json: hidden_act',
    ],
    [
      'more layers than tensors',
      replace(good, 'config.json', bytes(JSON.stringify({ ...config, num_hidden_layers: 2 }))),
      'has no tensor encoder.layer.1',
    ],
    [
      'another width than the tensors',
      replace(good, 'config.json', bytes(JSON.stringify({ ...config, intermediate_size: 16 }))),
      'config.json asks for [16, 8]',
    ],
    ['a vocabulary without [CLS]', replace(good, 'vocab.txt', bytes('[PAD]\n[UNK]\n')), 'has no [CLS]'],
    [
      'a vocabulary that is too long',
      replace(good, 'vocab.txt', bytes([...VOCABULARY, 'x', 'y'].join('\n'))),
      'the vocabulary has 10 tokens',
    ],
    ['weights cut off', replace(good, 'model.safetensors', good.at(-1)!.bytes.slice(0, 200)), 'malformed'],
  ])('%s: a sentence that names the file', (_name, files, words) => {
    expect(messageOf(files)).toContain(words)
  })
})

describe('safetensors', () => {
  it('returns what was written, bit for bit', () => {
    const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) =>
      fc
        .array(fc.float({ noNaN: true }), {
          minLength: shape.reduce((a, b) => a * b, 1),
          maxLength: shape.reduce((a, b) => a * b, 1),
        })
        .map((values) => ({ shape, data: Float32Array.from(values) })),
    )
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), tensor, { maxKeys: 5 }), (tensors) => {
        const map = new Map(
          Object.entries(tensors).filter(([name]) => name !== '__metadata__' && name !== '__proto__'),
        )
        expect(decodeSafetensors(encodeSafetensors(map))).toEqual({ ok: true, value: map })
      }),
      { seed: 3, numRuns: 100 },
    )
  })
  it('answers any bytes with tensors or a sentence, never with a throw', () => {
    const file = encodeSafetensors(make().tensors)
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), fc.nat(file.length), (at, value, length) => {
        const damaged = file.slice(0, length)
        if (at < damaged.length) damaged[at] = value
        const read = decodeSafetensors(damaged)
        if (!read.ok) expect(read.error.length).toBeGreaterThan(10)
      }),
      { seed: 4, numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        decodeSafetensors(noise)
      }),
      { seed: 5, numRuns: 500 },
    )
  })
})
