/** @file Batches of (query, title) pairs whose relevance people judged; pairs of like length together, so that little is padding. */
import type { WordPiece } from '../../../shared/text/wordpiece.ts'
import { emitRegression } from '../objectives/classify.ts'
import { mix, type Task } from '../trainer.ts'
import { perEpoch, shuffled } from './order.ts'
import { LENGTHS, padTexts, padTypes } from './padding.ts'

export type PairTaskOptions = {
  /** [CLS] query [SEP] title [SEP] */
  pairs: readonly Int32Array[]
  /** What the head is to say of each. */
  targets: Float32Array
  tokenizer: WordPiece
  batch: number
  maxTokens: number
  seed: number
}

export function createPairTask({ pairs, targets, tokenizer, batch, maxTokens, seed }: PairTaskOptions): Task {
  const planOf = perEpoch((epoch) => planEpoch(pairs, batch, maxTokens, mix(seed, epoch)))
  // Pairs are dealt to batches by length alone, so every epoch has as many.
  const perRound = planOf(0).length
  return {
    name: 'relevance',
    weight: 1,
    batchAt(draw) {
      const { rows, seq } = planOf(Math.floor(draw / perRound))[draw % perRound]!
      const texts = rows.map((row) => pairs[row]!)
      const column = [batch, 1]
      return {
        shape: `relevance ${batch}×${seq}`,
        emit: (net) => emitRegression(net, { batch, seq, isPair: true }, 'cls'),
        feeds: {
          ...padTexts('text', texts, seq, tokenizer.padId),
          ...padTypes('text', texts, seq, tokenizer.sepId),
          targets: { data: Float32Array.from(rows, (row) => targets[row]!), dims: column },
          weights: { data: new Float32Array(batch).fill(1), dims: column },
        },
        texts: batch,
      }
    },
  }
}

/** Each pair once; the last batch of a length is filled up with pairs of its own: a smaller one would be a graph more. */
function planEpoch(pairs: readonly Int32Array[], batch: number, maxTokens: number, seed: number) {
  const byLength = new Map<number, number[]>()
  for (const index of shuffled(pairs.length, seed, 0)) {
    const seq = Math.min(maxTokens, LENGTHS.find((one) => one >= pairs[index]!.length) ?? maxTokens)
    const bucket = byLength.get(seq) ?? []
    bucket.push(index)
    byLength.set(seq, bucket)
  }
  const batches: { rows: number[]; seq: number }[] = []
  for (const [seq, indices] of [...byLength].sort(([a], [b]) => a - b))
    for (let from = 0; from < indices.length; from += batch) {
      const rows = indices.slice(from, from + batch)
      for (let i = 0; rows.length < batch; i++) rows.push(indices[i % indices.length]!)
      batches.push({ rows, seq })
    }
  return Array.from(shuffled(batches.length, seed, 1), (index) => batches[index]!)
}
