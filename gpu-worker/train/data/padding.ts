/** @file Texts of unlike length as one rectangle, in few sizes: each size of batch is a graph of its own. */
import { pairTypes } from '../../../shared/relevance/pair-types.ts'
import type { Tensor } from '../../runtime/session.ts'

/** Tokens to which a batch is padded: few, because each is a graph with memory of its own. */
export const LENGTHS = [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]

/** The smallest of `LENGTHS` that holds the longest text; `max` at most. */
export function paddedLength(texts: readonly Int32Array[], max: number): number {
  const longest = texts.reduce((length, text) => Math.max(length, text.length), 1)
  return Math.min(max, LENGTHS.find((length) => length >= longest) ?? longest)
}

/** `<name>_ids` and `<name>_mask`, [texts, seq]. A text longer than `seq` is cut. */
export function padTexts(
  name: string,
  texts: readonly Int32Array[],
  seq: number,
  padId: number,
): Record<string, Tensor> {
  const ids = new BigInt64Array(texts.length * seq).fill(BigInt(padId))
  const mask = new Float32Array(texts.length * seq)
  texts.forEach((text, row) => {
    const length = Math.min(text.length, seq)
    for (let i = 0; i < length; i++) ids[row * seq + i] = BigInt(text[i]!)
    mask.fill(1, row * seq, row * seq + length)
  })
  const dims = [texts.length, seq]
  return { [`${name}_ids`]: { data: ids, dims }, [`${name}_mask`]: { data: mask, dims } }
}

/** `<name>_types` of `pairTypes`; padding has type 0. */
export function padTypes(
  name: string,
  pairs: readonly Int32Array[],
  seq: number,
  sepId: number,
): Record<string, Tensor> {
  const types = new BigInt64Array(pairs.length * seq)
  pairs.forEach((ids, row) => {
    types.set(BigInt64Array.from(pairTypes(ids, sepId).subarray(0, seq), BigInt), row * seq)
  })
  return { [`${name}_types`]: { data: types, dims: [pairs.length, seq] } }
}
