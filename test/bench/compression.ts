/**
 * @file What a smaller query encoder costs and wins: bytes, speed, and how far its vectors move.
 *
 *   node test/bench/compression.ts [--model DIR] [--json] [--smoke]
 *
 * Texts are titles of the sample shop; every second one is measured, the others say which tokens are most used. Without --model
 * the model is a seeded one, whose rows tell of bytes and speed but not of what a trained model loses.
 *
 * Speed is that of onnxruntime-node with one thread, as in an isolate. Neighbours are those of the use at the edge: queries by
 * the compressed model, items by the model as it was.
 */
import { parseArgs } from 'node:util'
import { type Encoder, openEncoder } from '../../gpu-worker/encode/encoder.ts'
import { buildEncoderModel } from '../../gpu-worker/encode/encoder-model.ts'
import { buildQueryEncoderOfAnySize, QUERY_TOKENS_MAX } from '../../gpu-worker/encode/query-encoder.ts'
import { type Checkpoint, checkpointFiles, checkpointFromFiles } from '../../gpu-worker/model/checkpoint.ts'
import { firstLayers, pruneLayers, pruneVocabulary } from '../../gpu-worker/model/prune.ts'
import { createSeededCheckpoint } from '../../gpu-worker/model/seeded.ts'
import { renderTable } from '../../infra/cli/table.ts'
import { readBase } from '../../infra/cli/train.ts'
import { sampleCatalogue } from '../../infra/sample/catalogue.ts'
import { assert } from '../../shared/lib/result.ts'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { alternate, commit, machine, type Spread, spread } from './measure.ts'

const SEED = 13
const VOCABULARY_SIZE = 8_000
const BATCH_TOKENS = 2_048
const NEIGHBOURS = 10

export type CompressionSizes = {
  texts: number
  queries: number
  rounds: number
  layers: number
  hidden: number
}
export const SMOKE: CompressionSizes = { texts: 60, queries: 20, rounds: 2, layers: 2, hidden: 64 }
export const FULL: CompressionSizes = { texts: 2_000, queries: 500, rounds: 9, layers: 4, hidden: 256 }

type Row = {
  name: string
  layers: number
  tokens: number
  /** What the bytes are of. */
  file: 'ONNX, fp32' | 'model.safetensors, f16' | 'ONNX of the edge'
  bytes: number
  textsPerSecond: Spread
  /** To fp32, round by round. */
  ratio: Spread
  /** Mean over the texts of the cosine to the vector of fp32. */
  cosine: number
  /** Of the nearest items by fp32, the share that is among the nearest ones here. */
  recallAt10: number
}
export type CompressionReport = { machine: string; commit: string; model: string; texts: number; rows: Row[] }

/** A model as it is measured: the file that is shipped, and the graph that runs. */
type Variant = Pick<Row, 'name' | 'file' | 'bytes'> & {
  checkpoint: Checkpoint
  graph: Uint8Array<ArrayBuffer>
}

export async function measureCompression(
  sizes: CompressionSizes,
  directory?: string,
): Promise<CompressionReport> {
  const titles = sampleCatalogue()
    .map(({ title }) => title)
    .slice(0, sizes.texts)
  const texts = titles.filter((_, at) => at % 2 === 0)
  const seen = titles.filter((_, at) => at % 2 === 1)
  const original = directory === undefined ? seededModel(titles, sizes) : await readBase(directory)
  const variants = variantsOf(original, seen)
  const encoders: Encoder[] = []
  try {
    for (const variant of variants) encoders.push(await openVariant(variant))
    const rates = await alternate(
      encoders.map((encoder) => () => rateOf(encoder, texts)),
      sizes.rounds,
    )
    const exact = await encoders[0]!.encode(texts)
    const rows = await Promise.all(
      variants.map(async ({ name, file, bytes, checkpoint }, arm): Promise<Row> => {
        const vectors = await encoders[arm]!.encode(texts)
        return {
          name,
          layers: checkpoint.config.num_hidden_layers,
          tokens: checkpoint.vocabulary.length,
          file,
          bytes,
          textsPerSecond: spread(rates[arm]!),
          ratio: spread(
            rates[arm]!.map((rate, round) => rate / rates[0]![round]!),
            100,
          ),
          cosine: mean(vectors.map((vector, at) => dot(vector, exact[at]!))),
          recallAt10: meanRecall(vectors.slice(0, sizes.queries), exact),
        }
      }),
    )
    const { num_hidden_layers: layers, hidden_size: hidden } = original.config
    const model = `${layers} layers × ${hidden}, ${directory ?? 'seeded, untrained'}`
    return { machine: `${machine()}, 1 thread`, commit: commit(), model, texts: texts.length, rows }
  } finally {
    for (const encoder of encoders) await encoder.close()
  }
}

function variantsOf(original: Checkpoint, seen: readonly string[]): Variant[] {
  const fp32 = (checkpoint: Checkpoint) => buildEncoderModel(checkpoint, { precision: 'fp32' })
  const edge = (name: string, checkpoint: Checkpoint): Variant => {
    const graph = buildQueryEncoderOfAnySize(checkpoint)
    return { name, file: 'ONNX of the edge', bytes: graph.byteLength, checkpoint, graph }
  }
  const half = (count: number) => Math.ceil(count / 2)
  const graph = fp32(original)
  const stored = checkpointFiles(original, { storage: 'f16' })
  const halved = checkpointFromFiles(stored)
  assert(halved.ok, 'what was written can be read')
  return [
    { name: 'fp32', file: 'ONNX, fp32', bytes: graph.byteLength, checkpoint: original, graph },
    {
      name: 'fp16 storage',
      file: 'model.safetensors, f16',
      bytes: stored.find(({ name }) => name === 'model.safetensors')!.bytes.length,
      checkpoint: halved.value,
      graph: fp32(halved.value),
    },
    edge('int8', original),
    edge(
      'int8, half of the vocabulary',
      pruneVocabulary(original, seen, { keep: half(original.vocabulary.length) }),
    ),
    edge(
      'int8, half of the layers',
      pruneLayers(original, firstLayers(half(original.config.num_hidden_layers))),
    ),
  ]
}

function openVariant({ checkpoint, graph }: Variant): Promise<Encoder> {
  const { vocabulary, lowercase, config } = checkpoint
  return openEncoder({
    model: graph,
    dim: config.hidden_size,
    vocabulary,
    lowercase,
    maxTokens: Math.min(QUERY_TOKENS_MAX, config.max_position_embeddings),
    batchTokens: BATCH_TOKENS,
    threads: 1,
    provider: 'cpu',
  })
}

const seededModel = (texts: readonly string[], { layers, hidden }: CompressionSizes): Checkpoint =>
  createSeededCheckpoint({
    vocabulary: trainWordPiece(texts, { size: VOCABULARY_SIZE, lowercase: true }),
    seed: SEED,
    layers,
    hidden,
  })

async function rateOf(encoder: Encoder, texts: readonly string[]): Promise<number> {
  const from = performance.now()
  await encoder.encode(texts)
  return texts.length / ((performance.now() - from) / 1_000)
}

/** Each text is a query, itself not among its neighbours. */
const meanRecall = (queries: readonly Float32Array[], items: readonly Float32Array[]): number =>
  mean(
    queries.map((query, at) => {
      const wanted = nearest(items[at]!, items, at)
      const found = new Set(nearest(query, items, at))
      return wanted.filter((item) => found.has(item)).length / wanted.length
    }),
  )

function nearest(query: Float32Array, items: readonly Float32Array[], self: number): number[] {
  const scores = items.map((item) => dot(query, item))
  return [...items.keys()]
    .filter((item) => item !== self)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, NEIGHBOURS)
}

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, model: { type: 'string' } },
  })
  const report = await measureCompression(values.smoke ? SMOKE : FULL, values.model)
  if (values.json) console.log(JSON.stringify(report))
  else {
    console.log(`${report.model}; ${report.texts} titles; ${report.machine}\n`)
    console.log(
      renderTable(
        ['', 'layers', 'tokens', 'MB', 'of', 'texts/s', 'to fp32', '(rounds)', 'cosine', 'recall@10'],
        report.rows.map(
          ({ name, layers, tokens, bytes, file, textsPerSecond, ratio, cosine, recallAt10 }) => [
            name,
            String(layers),
            String(tokens),
            (bytes / 1e6).toFixed(2),
            file,
            String(textsPerSecond.median),
            `× ${ratio.median}`,
            `${ratio.low} to ${ratio.high}`,
            cosine.toFixed(5),
            recallAt10.toFixed(3),
          ],
        ),
      ),
    )
  }
}
