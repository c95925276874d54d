/** @file (query, title) pairs in, one number each: both texts read together, so that each word sees the words of the other. */

import { assert } from '../../shared/lib/result.ts'
import { pairTypes } from '../../shared/relevance/pair-types.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { createGraph } from '../graph/ops.ts'
import { emitBert } from '../model/bert.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import { emitClsPooling } from '../model/heads.ts'
import { createLayers } from '../model/layers.ts'
import { openSession, type Session } from '../runtime/session.ts'
import { planBatches } from './batches.ts'

export type Pair = { query: string; title: string }
export type CrossEncoder = {
  /** What the head says of each pair, in order. */
  score(pairs: readonly Pair[]): Promise<Float32Array>
  close(): Promise<void>
}

const BATCH_TOKENS = 2_048

/** @param checkpoint with a classification head of one output, trained on pairs */
export async function createCrossEncoder(
  checkpoint: Checkpoint,
  { maxTokens, threads }: { maxTokens: number; threads: number },
): Promise<CrossEncoder> {
  const weight = checkpoint.heads.get('classifier.weight')
  const bias = checkpoint.heads.get('classifier.bias')
  assert(weight && bias && weight.shape[0] === 1, 'a cross-encoder has a head of one output')
  const tokenizer = createWordPiece(checkpoint)
  const session = await openSession(buildModel(checkpoint), { threads })
  const hidden = checkpoint.config.hidden_size
  return {
    async score(pairs) {
      const ids = pairs.map(({ query, title }) => tokenizer.encodePair(query, title, maxTokens))
      const scores = new Float32Array(pairs.length)
      const lengths = ids.map((tokens) => tokens.length)
      for (const { indices, length } of planBatches(lengths, BATCH_TOKENS)) {
        const rows = indices.map((index) => ids[index]!)
        const padded = Math.min(length, maxTokens)
        const texts = await runBatch(session, rows, padded, tokenizer.padId, tokenizer.sepId)
        indices.forEach((index, row) => {
          let sum = bias.data[0]!
          for (let i = 0; i < hidden; i++) sum += weight.data[i]! * texts[row * hidden + i]!
          scores[index] = sum
        })
      }
      return scores
    },
    close: () => session.close(),
  }
}

/** Inputs `ids`, `types` i64[batch, seq], `mask` f32[batch, seq]; output `text` f32[batch, hidden], the vector of [CLS]. */
function buildModel(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const g = createGraph('cross_encoder')
  const ids = g.input('ids', 'i64', ['batch', 'seq'])
  const types = g.input('types', 'i64', ['batch', 'seq'])
  const mask = g.input('mask', 'f32', ['batch', 'seq'])
  const layers = createLayers(g, checkpoint, { precision: 'int8' })
  const hidden = emitBert(g, checkpoint.config, layers, { ids, types, mask })
  g.output(emitClsPooling(g, hidden), 'text')
  return g.toModel()
}

/** @returns f32[rows.length, hidden] */
async function runBatch(
  session: Session,
  rows: readonly Int32Array[],
  length: number,
  padId: number,
  sepId: number,
): Promise<Float32Array> {
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(padId))
  const types = new BigInt64Array(rows.length * length)
  const mask = new Float32Array(rows.length * length)
  rows.forEach((tokens, row) => {
    const kinds = pairTypes(tokens, sepId)
    tokens.forEach((id, at) => {
      ids[row * length + at] = BigInt(id)
      types[row * length + at] = BigInt(kinds[at]!)
    })
    mask.fill(1, row * length, row * length + tokens.length)
  })
  const dims = [rows.length, length]
  const { text } = await session.run({
    ids: { data: ids, dims },
    types: { data: types, dims },
    mask: { data: mask, dims },
  })
  assert(text, 'the cross-encoder has an output named text')
  return text.data
}
