import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { createSeededCheckpoint } from '../model/seeded.ts'
import { openSession } from '../runtime/session.ts'
import { planBatches } from './batches.ts'
import { createEncoder, type Encoder } from './encoder.ts'
import { buildQueryEncoder, QUERY_ENCODER_BYTES_MAX } from './query-encoder.ts'
import { createThreadedEncoder } from './threaded-encoder.ts'

const NOUNS = [
  'speaker',
  'headphones',
  'laptop',
  'printer',
  'cable',
  'lamp',
  'chair',
  'kettle',
  '音箱',
  '茶叶',
]
const TEXTS = Array.from({ length: 40 }, (_, n) => {
  const words = [
    'wireless',
    'black',
    'USB-C',
    'large',
    `${n * 7} W`,
    'with',
    'warranty',
    '防水',
    'portable',
    'steel',
  ]
  return `${NOUNS[n % NOUNS.length]} ${words.slice(0, 1 + (n % words.length)).join(' ')} model ${n}`
})
const VOCABULARY = trainWordPiece(TEXTS, { size: 300, lowercase: true })
/** The size that a shop starts with: 4 layers × 256. */
const CHECKPOINT = createSeededCheckpoint({ vocabulary: VOCABULARY, seed: 5 })
const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0)

let exact: Encoder
let quantised: Encoder
beforeAll(async () => {
  exact = await createEncoder({ checkpoint: CHECKPOINT, precision: 'fp32' })
  quantised = await createEncoder({ checkpoint: CHECKPOINT, precision: 'int8' })
})
afterAll(async () => {
  await exact?.close()
  await quantised?.close()
})

describe('the encoder', () => {
  it('gives a batch what it gives its items one by one, in the order of the texts', async () => {
    const together = await exact.encode(TEXTS)
    for (const [at, text] of TEXTS.entries()) {
      const [alone] = await exact.encode([text])
      for (const [i, value] of alone!.entries())
        expect(Math.abs(value - together[at]![i]!)).toBeLessThan(1e-5)
    }
  })
  it('gives unit vectors, also for an empty text, an emoji and a very long one', async () => {
    for (const vector of await quantised.encode(['', '🎧', 'lamp '.repeat(5_000), ...TEXTS]))
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
  })
  it('in int8 stays at a cosine of .999 or more to fp32', async () => {
    const [left, right] = [await exact.encode(TEXTS), await quantised.encode(TEXTS)]
    const cosines = TEXTS.map((_, at) => cosine(left[at]!, right[at]!))
    expect(Math.min(...cosines)).toBeGreaterThan(0.999)
  })
  it('nothing in, nothing out', async () => {
    expect(await exact.encode([])).toEqual([])
  })
})

describe('the encoder in a thread', () => {
  it('gives the same vectors, for calls that overlap', async () => {
    const threaded = await createThreadedEncoder({ checkpoint: CHECKPOINT, precision: 'int8' })
    const [first, second] = await Promise.all([
      threaded.encode(TEXTS.slice(0, 20)),
      threaded.encode(TEXTS.slice(20)),
    ])
    expect([...first, ...second].map((vector) => [...vector])).toEqual(
      [...(await quantised.encode(TEXTS.slice(0, 20))), ...(await quantised.encode(TEXTS.slice(20)))].map(
        (vector) => [...vector],
      ),
    )
    await threaded.close()
    await expect(threaded.encode(['late'])).rejects.toThrow('ended')
  })
  it('leaves the event loop free while it encodes', async () => {
    const threaded = await createThreadedEncoder({ checkpoint: CHECKPOINT, precision: 'fp32' })
    let turns = 0
    let done = false
    const work = threaded.encode(TEXTS).then(() => {
      done = true
    })
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve))
      turns++
    }
    await work
    expect(turns).toBeGreaterThan(10)
    await threaded.close()
  })
})

describe('the query encoder of the edge', () => {
  it('has the vectors of the item encoder and fits the edge with 8,000 tokens', async () => {
    const session = await openSession(buildQueryEncoder(CHECKPOINT), { threads: 1 })
    const tokenizer = createWordPiece({ vocabulary: VOCABULARY, lowercase: true })
    for (const text of TEXTS.slice(0, 8)) {
      const ids = tokenizer.encode(text, 64)
      const dims = [1, ids.length]
      const { emb } = await session.run({
        ids: { data: BigInt64Array.from(ids, BigInt), dims },
        mask: { data: new Float32Array(ids.length).fill(1), dims },
      })
      const [item] = await exact.encode([text])
      expect(cosine(emb!.data, item!)).toBeGreaterThan(0.995)
    }
    await session.close()
    const large = Array.from({ length: 8_000 }, (_, n) => VOCABULARY[n] ?? `[unused${n}]`)
    const bytes = buildQueryEncoder(createSeededCheckpoint({ vocabulary: large, seed: 1 })).byteLength
    expect(bytes).toBeLessThanOrEqual(QUERY_ENCODER_BYTES_MAX)
  })
})

describe('planBatches', () => {
  it('covers each text once, within the token budget, with little padding', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 200 })
    fc.assert(
      fc.property(lengths, fc.integer({ min: 64, max: 4_096 }), (tokens, budget) => {
        const batches = planBatches(tokens, budget)
        expect(batches.flatMap(({ indices }) => indices).sort((a, b) => a - b)).toEqual(
          tokens.map((_, at) => at),
        )
        for (const { indices, length } of batches) {
          expect(indices.length * length <= budget || indices.length === 1).toBe(true)
          for (const index of indices) expect(tokens[index]!).toBeLessThanOrEqual(length)
        }
      }),
      { seed: 6, numRuns: 200 },
    )
  })
})
