/**
 * @file How fast texts become vectors: our int8 graph against our plain fp32 graph, in one alternating run.
 *
 *   node test/bench/encode.ts [--json] [--smoke]
 *
 * The seeded 4 × 256 model, 32 texts of exactly 64 tokens a batch. Rounds alternate and reverse their order, so that a slow
 * minute of the machine meets both; the ratio is taken round by round. A checksum shows that the work was done.
 */
import { parseArgs } from 'node:util'
import { createEncoder, type Encoder } from '../../gpu-worker/encode/encoder.ts'
import { createSeededCheckpoint } from '../../gpu-worker/model/seeded.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { alternate, commit, machine, type Spread, spread } from './measure.ts'

const SEED = 11
const BATCH_TEXTS = 32
const TOKENS = 64
const THREADS = 2

export type EncodeSizes = { rounds: number; batchesPerRound: number }
export const SMOKE: EncodeSizes = { rounds: 2, batchesPerRound: 1 }
export const FULL: EncodeSizes = { rounds: 15, batchesPerRound: 12 }

export type EncodeReport = {
  machine: string
  commit: string
  batch: string
  int8TextsPerSecond: Spread
  fp32TextsPerSecond: Spread
  /** int8 / fp32, round by round. */
  ratio: Spread
  tokeniseTextsPerSecond: number
  /** Sum of all vectors of one batch, int8 and fp32. */
  checksums: [number, number]
  cosineMin: number
}

export async function measureEncode({ rounds, batchesPerRound }: EncodeSizes): Promise<EncodeReport> {
  const vocabulary = [
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    '[MASK]',
    ...Array.from({ length: 7_995 }, (_, n) => `w${n}`),
  ]
  const checkpoint = createSeededCheckpoint({ vocabulary, seed: SEED })
  const random = createRandom(SEED)
  // 62 words that are one token each: with [CLS] and [SEP] exactly 64.
  const texts = Array.from({ length: BATCH_TEXTS }, () =>
    Array.from({ length: TOKENS - 2 }, () => `w${Math.floor(random() * 7_995)}`).join(' '),
  )
  const options = { checkpoint, maxTokens: TOKENS, batchTokens: BATCH_TEXTS * TOKENS, threads: THREADS }
  const int8 = await createEncoder({ ...options, precision: 'int8' })
  const fp32 = await createEncoder({ ...options, precision: 'fp32' })
  try {
    const [fast, exact] = [await int8.encode(texts), await fp32.encode(texts)]
    const cosines = fast.map((vector, at) => vector.reduce((sum, v, i) => sum + v * exact[at]![i]!, 0))
    const [int8Rates, fp32Rates] = (await alternate(
      [int8, fp32].map((encoder) => () => rateOf(encoder, texts, batchesPerRound)),
      rounds,
    )) as [number[], number[]]
    return {
      machine: `${machine()}, ${THREADS} threads`,
      commit: commit(),
      batch: `${BATCH_TEXTS} × ${TOKENS} tokens, 4 layers × 256`,
      int8TextsPerSecond: spread(int8Rates),
      fp32TextsPerSecond: spread(fp32Rates),
      ratio: spread(
        int8Rates.map((rate, at) => rate / fp32Rates[at]!),
        100,
      ),
      tokeniseTextsPerSecond: tokeniseRate(vocabulary, texts),
      checksums: [checksum(fast), checksum(exact)],
      cosineMin: Math.min(...cosines),
    }
  } finally {
    await int8.close()
    await fp32.close()
  }
}

async function rateOf(encoder: Encoder, texts: readonly string[], batches: number): Promise<number> {
  const from = performance.now()
  for (let batch = 0; batch < batches; batch++) await encoder.encode(texts)
  return (texts.length * batches) / ((performance.now() - from) / 1_000)
}

function tokeniseRate(vocabulary: string[], texts: readonly string[]): number {
  const tokenizer = createWordPiece({ vocabulary, lowercase: true })
  for (const text of texts) tokenizer.encode(text, TOKENS)
  const from = performance.now()
  for (let round = 0; round < 20; round++) for (const text of texts) tokenizer.encode(text, TOKENS)
  return Math.round((20 * texts.length) / ((performance.now() - from) / 1_000))
}

const checksum = (vectors: readonly Float32Array[]): number =>
  Math.round(
    vectors.reduce((sum, vector) => sum + vector.reduce((a, b, i) => a + b * ((i % 7) + 1), 0), 0) * 1e3,
  ) / 1e3

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, smoke: { type: 'boolean' } } })
  const report = await measureEncode(values.smoke ? SMOKE : FULL)
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string) => console.log(`${name.padEnd(28)} ${value}`)
    const line = ({ median, low, high }: Spread) => `${median}   (${low} to ${high})`
    row('machine', report.machine)
    row('batch', report.batch)
    row('int8, texts/s', line(report.int8TextsPerSecond))
    row('fp32, texts/s', line(report.fp32TextsPerSecond))
    row('int8 / fp32', line(report.ratio))
    row('tokenising alone, texts/s', String(report.tokeniseTextsPerSecond))
    row('cosine int8 to fp32, lowest', report.cosineMin.toFixed(5))
    row('checksums', report.checksums.join(', '))
  }
}
