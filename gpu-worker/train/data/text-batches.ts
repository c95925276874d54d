/** @file Batches of single texts in the order of an epoch, padded to one length. */
import type { WordPiece } from '../../../shared/text/wordpiece.ts'
import type { Tensor } from '../../runtime/session.ts'
import { drawExamples } from './order.ts'
import { paddedLength, padTexts } from './padding.ts'

export type TextBatch = { examples: number[]; seq: number; feeds: Record<string, Tensor> }

/** @returns the batch of a draw: which examples, and `text_ids`, `text_mask` */
export function createTextBatches(
  texts: readonly Int32Array[],
  {
    batch,
    maxTokens,
    seed,
    tokenizer,
  }: { batch: number; maxTokens: number; seed: number; tokenizer: WordPiece },
): (draw: number) => TextBatch {
  const examplesOf = drawExamples(texts.length, batch, seed)
  return (draw) => {
    const examples = examplesOf(draw)
    const rows = examples.map((example) => texts[example]!)
    const seq = paddedLength(rows, maxTokens)
    return { examples, seq, feeds: padTexts('text', rows, seq, tokenizer.padId) }
  }
}
