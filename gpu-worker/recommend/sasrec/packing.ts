/**
 * @file Histories laid side by side into rows of one length, so that one graph serves all of them and hardly a place is empty:
 * half of a shop's histories have six items or fewer, and a row for each would be nine tenths padding.
 *
 * Source: Krell et al., Efficient Sequence Packing without Cross-contamination, 2021.
 */
import { perEpoch, shuffled } from '../../train/data/order.ts'

/** Where a history lies: in which row, and from which place on. */
export type Placement = { history: number; row: number; from: number }
export type PackingOptions = { rows: number; rowLength: number; seed: number; epochs: number }

/**
 * The batches of all epochs. Each history comes once an epoch, in a random order; a batch ends at the first that fits in none
 * of its rows.
 *
 * @param lengths of the histories, each at most `rowLength`
 */
export function planPacking(lengths: readonly number[], { rows, rowLength, seed, epochs }: PackingOptions) {
  const orderOf = perEpoch((epoch) => shuffled(lengths.length, seed, epoch))
  const starts: { epoch: number; from: number }[] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = orderOf(epoch)
    for (let from = 0; from < order.length; ) {
      starts.push({ epoch, from })
      from += pack(order.subarray(from), lengths, rows, rowLength).length
    }
  }
  return {
    batches: starts.length,
    batchAt(draw: number): Placement[] {
      const { epoch, from } = starts[draw]!
      return pack(orderOf(epoch).subarray(from), lengths, rows, rowLength)
    },
  }
}

/** As many of the histories, in their order, as fit; each goes into the first row with room. */
function pack(order: Uint32Array, lengths: readonly number[], rows: number, rowLength: number): Placement[] {
  const used = new Array<number>(rows).fill(0)
  const placements: Placement[] = []
  for (const history of order) {
    const length = lengths[history]!
    const row = used.findIndex((places) => places + length <= rowLength)
    if (row < 0) break
    placements.push({ history, row, from: used[row]! })
    used[row]! += length
  }
  return placements
}
