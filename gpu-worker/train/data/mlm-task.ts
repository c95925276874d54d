/** @file Batches for the masked language model: whole words are hidden, anew at each epoch. */
import { createRandom, type Random } from '../../../shared/lib/random.ts'
import { assert } from '../../../shared/lib/result.ts'
import type { WordPiece } from '../../../shared/text/wordpiece.ts'
import { emitMlm } from '../objectives/mlm.ts'
import type { Batch } from '../plan.ts'
import { mix, type Task } from '../trainer.ts'
import { perEpoch, shuffled } from './order.ts'
import { LENGTHS, padTexts } from './padding.ts'

export type MlmOptions = {
  /** With [CLS] and [SEP]. */
  texts: readonly Int32Array[]
  tokenizer: WordPiece
  /** Piece of each id: pieces that start with ## go on with a word. */
  vocabulary: readonly string[]
  /** Texts × padded length of a batch. */
  batchTokens: number
  maxTokens: number
  weight: number
  seed: number
}

const MASKED_SHARE = 0.15
/** Places per token of a batch, a little above the share: whole words overshoot. */
const PLACES_SHARE = 0.18
/** Of hidden words: this share shows [MASK], this share a random piece, the rest itself. */
const SHOWN = { mask: 0.8, random: 0.1 }
const UNCHANGED_IDS = 5

export function createMlmTask(options: MlmOptions): Task {
  const { texts, batchTokens, maxTokens, seed } = options
  assert(texts.length > 0, 'there are texts to learn from')
  const planOf = perEpoch((epoch) => planEpoch(texts, batchTokens, maxTokens, mix(seed, epoch)))
  // Texts are dealt to batches by length alone, so every epoch has as many.
  const perRound = planOf(0).length
  return {
    name: 'mlm',
    weight: options.weight,
    batchAt(draw) {
      const epoch = Math.floor(draw / perRound)
      const { rows, seq } = planOf(epoch)[draw % perRound]!
      return maskBatch(
        rows.map((row) => texts[row]!),
        seq,
        options,
        createRandom(mix(seed, draw)),
      )
    },
  }
}

/** Each text once, neighbours in length together, every batch of a length with the same number of rows. */
function planEpoch(texts: readonly Int32Array[], batchTokens: number, maxTokens: number, seed: number) {
  const byLength = new Map<number, number[]>()
  for (const index of shuffled(texts.length, seed, 0)) {
    const length = Math.min(texts[index]!.length, maxTokens)
    const seq = LENGTHS.find((one) => one >= length) ?? maxTokens
    const bucket = byLength.get(seq) ?? []
    bucket.push(index)
    byLength.set(seq, bucket)
  }
  const batches: { rows: number[]; seq: number }[] = []
  for (const [seq, indices] of [...byLength].sort(([a], [b]) => a - b)) {
    const size = Math.max(1, Math.floor(batchTokens / seq))
    for (let from = 0; from < indices.length; from += size) {
      const rows = indices.slice(from, from + size)
      // The last batch is filled up with texts of its own length: a smaller one would be a graph more.
      for (let i = 0; rows.length < size; i++) rows.push(indices[i % indices.length]!)
      batches.push({ rows, seq })
    }
  }
  return Array.from(shuffled(batches.length, seed, 1), (index) => batches[index]!)
}

function maskBatch(rows: Int32Array[], seq: number, options: MlmOptions, random: Random): Batch {
  const { tokenizer, vocabulary } = options
  const placesMax = Math.max(1, Math.ceil(rows.length * seq * PLACES_SHARE))
  const shown = rows.map((row) => row.slice(0, seq))
  const places = new BigInt64Array(placesMax)
  const labels = new BigInt64Array(placesMax)
  const weights = new Float32Array(placesMax)
  let count = 0
  for (const [row, text] of shown.entries())
    for (const [from, to] of wordsOf(text, vocabulary)) {
      if (random() >= MASKED_SHARE || count + (to - from) > placesMax) continue
      const fate = random()
      for (let at = from; at < to; at++) {
        places[count] = BigInt(row * seq + at)
        labels[count] = BigInt(text[at]!)
        weights[count++] = 1
        if (fate < SHOWN.mask) text[at] = tokenizer.maskId
        else if (fate < SHOWN.mask + SHOWN.random)
          text[at] = UNCHANGED_IDS + Math.floor(random() * (vocabulary.length - UNCHANGED_IDS))
      }
    }
  if (count === 0) weights[0] = 1e-6 // a batch of empty texts teaches nothing, but its mean must exist
  const column = [placesMax, 1]
  return {
    shape: `mlm ${rows.length}×${seq}`,
    emit: (net) => emitMlm(net, { batch: rows.length, seq, places: placesMax }),
    feeds: {
      ...padTexts('text', shown, seq, tokenizer.padId),
      places: { data: places, dims: [placesMax] },
      labels: { data: labels, dims: column },
      weights: { data: weights, dims: column },
    },
    texts: rows.length,
  }
}

/** [from, to) of each word between [CLS] and [SEP]. */
function wordsOf(text: Int32Array, vocabulary: readonly string[]): [number, number][] {
  const words: [number, number][] = []
  for (let at = 1; at < text.length - 1; at++) {
    const last = words.at(-1)
    if (last && vocabulary[text[at]!]!.startsWith('##')) last[1] = at + 1
    else words.push([at, at + 1])
  }
  return words
}
