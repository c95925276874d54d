/** @file Which texts are encoded together: of like length, so that little is padding, and bounded, so that memory is. */

/** `indices` point into the caller's list; every text of the batch is padded to `length` tokens. */
export type Batch = { indices: number[]; length: number }

/** Lengths are rounded up to this: a runtime sees a few shapes again and again instead of dozens. */
export const LENGTH_STEP = 8

/**
 * Cover each text exactly once, longest first (the largest buffers are allocated once, then reused).
 *
 * @param lengths     tokens per text, each ≥ 1
 * @param batchTokens texts × padded length of a batch stays within it; a single text longer than it goes alone
 */
export function planBatches(lengths: ArrayLike<number>, batchTokens: number): Batch[] {
  const order = Array.from(lengths, (_, index) => index).sort((a, b) => lengths[b]! - lengths[a]! || a - b)
  const batches: Batch[] = []
  let batch: Batch | undefined
  for (const index of order) {
    if (!batch || (batch.indices.length + 1) * batch.length > batchTokens) {
      batch = { indices: [], length: Math.ceil(lengths[index]! / LENGTH_STEP) * LENGTH_STEP }
      batches.push(batch)
    }
    batch.indices.push(index)
  }
  return batches
}
