import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
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
  it('stays as it was, all files of it, when the disk is full while another takes its place', async () => {
    await writeCheckpoint(folder, make(1))
    symlinkSync('/dev/full', join(folder, 'model.safetensors.draft')) // every write to it says that the disk is full
    const larger = createSeededCheckpoint({ vocabulary: VOCABULARY, seed: 1, layers: 2, hidden: 8, heads: 2 })
    await expect(writeCheckpoint(folder, larger)).rejects.toThrow('ENOSPC')
    const read = await readCheckpoint(folder)
    expect(read.ok && modelId(read.value)).toBe(modelId(make(1)))
    expect(readdirSync(folder).filter((name) => name.endsWith('.draft'))).toEqual([])
  })
  it('has another id when one weight differs', () => {
    const other = make()
    other.tensors.values().next().value!.data[0]! += 1e-6
    expect(modelId(other)).not.toBe(modelId(make()))
    expect(modelId(make(2))).not.toBe(modelId(make(1)))
  })
  it('keeps its id: an index names the model that it was made with', () => {
    expect(modelId(make())).toBe('bert-1x8-d25da2388faaedfe')
  })
  it('in f16 storage takes half the bytes, comes back within their precision, and is the same model from then on', () => {
    const files = checkpointFiles(make(), { storage: 'f16' })
    const read = checkpointFromFiles(files)
    if (!read.ok) throw new Error(read.error.message)
    for (const [name, { data }] of make().tensors)
      for (const [i, value] of read.value.tensors.get(name)!.data.entries())
        expect(Math.abs(value - data[i]!)).toBeLessThanOrEqual(
          Math.max(Math.abs(data[i]!) * 2 ** -11, 2 ** -25),
        )
    const weights = (stored: CheckpointFile[]) => stored.at(-1)!.bytes.length
    expect(weights(files)).toBeLessThan(weights(checkpointFiles(make())) * 0.7) // the header stays as it is
    expect(JSON.parse(text(files[0]!))).toMatchObject({ torch_dtype: 'float16', model_type: 'bert' })

    const again = checkpointFromFiles(checkpointFiles(read.value))
    const halved = checkpointFromFiles(checkpointFiles(read.value, { storage: 'f16' }))
    expect(again.ok && modelId(again.value)).toBe(modelId(read.value))
    expect(halved.ok && modelId(halved.value)).toBe(modelId(read.value))
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
  const weights = good.at(-1)!.bytes
  const faulty = new Map([...make().tensors].filter(([name]) => name !== 'embeddings.LayerNorm.weight'))
  faulty.set('encoder.layer.0.output.dense.bias', { shape: [4, 2], data: new Float32Array(8) })
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
      'a vocabulary without [UNK]',
      replace(good, 'vocab.txt', bytes('[PAD]\n[CLS]\n[SEP]\n[MASK]\nlamp\n')),
      'vocab.txt: has no [UNK]',
    ],
    [
      'a vocabulary that is too long',
      replace(good, 'vocab.txt', bytes([...VOCABULARY, 'x', 'y'].join('\n'))),
      'the vocabulary has 10 tokens',
    ],
    [
      'several faults in the weights, all of them named',
      replace(good, 'model.safetensors', encodeSafetensors(faulty)),
      'model.safetensors: has no tensor embeddings.LayerNorm.weight; encoder.layer.0.output.dense.bias has shape [4, 2], config.json asks for [8]',
    ],
    [
      'weights cut off in the header',
      replace(good, 'model.safetensors', weights.slice(0, 200)),
      'the file is cut off or no safetensors file',
    ],
    [
      'weights cut off in the data',
      replace(good, 'model.safetensors', weights.slice(0, -1)),
      'tensor bert.encoder.layer.0.output.LayerNorm.bias lies outside the file',
    ],
    [
      'a header that is longer than the file',
      replace(good, 'model.safetensors', Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 0, 0x7b, 0x7d])),
      'the header is said to have 16777216 bytes',
    ],
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
  /** A file with one tensor `x` of these bits. */
  const fileOf = (dtype: string, bits: Uint16Array | Float64Array) => {
    const entry = { dtype, shape: [bits.length], data_offsets: [0, bits.byteLength] }
    const header = bytes(JSON.stringify({ x: entry }))
    return Buffer.concat(
      [new BigUint64Array([BigInt(header.length)]), header, new Uint8Array(bits.buffer)].map(
        (part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
      ),
    )
  }
  const readX = (file: Uint8Array) => {
    const read = decodeSafetensors(file)
    if (!read.ok) throw new Error(read.error)
    return read.value.get('x')!.data
  }
  const writeX = (values: readonly number[]) =>
    encodeSafetensors(new Map([['x', { shape: [values.length], data: Float32Array.from(values) }]]), {
      storage: 'f16',
    })
  /** Value of IEEE 754 binary16 bits, by the definition. */
  const float16 = (bits: number) => {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 0x1f
    const fraction = bits & 0x3ff
    if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }

  it('reads every f16, and writes it with the same bits', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, at) => at)
    const values = readX(fileOf('F16', bits))
    expect([...values]).toEqual([...bits].map(float16))
    const written = writeX([...values])
    const stored = new Uint16Array(written.slice(-2 * bits.length).buffer)
    expect([...bits].filter((at) => stored[at] !== at && !Number.isNaN(values[at]))).toEqual([])
  })
  it('rounds to the nearest f16, and a tie to the even one', () => {
    /** Bits of the nearest: those of positive numbers are in the order of their values. */
    const nearest = (value: number) => {
      const size = Math.abs(value)
      let low = 0
      let high = 0x7c00 // infinity, which stands for 2^16 here
      while (low + 1 < high) {
        const middle = (low + high) >> 1
        if (float16(middle) <= size) low = middle
        else high = middle
      }
      const above = high === 0x7c00 ? 2 ** 16 : float16(high)
      const [down, up] = [size - float16(low), above - size]
      return float16(down < up || (down === up && low % 2 === 0) ? low : high) * Math.sign(value)
    }
    const halfway = fc.nat(0x7bfe).map((bits) => (float16(bits) + float16(bits + 1)) / 2)
    const value = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.float({ min: Math.fround(-70_000), max: Math.fround(70_000), noNaN: true }),
      fc.float({ min: Math.fround(-0.001), max: Math.fround(0.001), noNaN: true }),
      halfway,
    )
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), (values) => {
        expect([...readX(writeX(values))]).toEqual(values.map(nearest))
      }),
      { seed: 6, numRuns: 200 },
    )
  })
  it('reads every bf16 as the f32 with those upper bits', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, at) => at)
    const read = new Uint32Array(readX(fileOf('BF16', bits)).buffer)
    expect([...bits].filter((at) => read[at] !== at * 65_536)).toEqual([])
  })
  it('says which numbers it can read', () => {
    expect(decodeSafetensors(fileOf('F64', Float64Array.of(1)))).toEqual({
      ok: false,
      error: 'tensor x is F64; F32, F16 and BF16 can be read',
    })
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
