/** @file Batches of packed histories, each place with the item that follows it as its target. */
import { createRandom } from '../../../shared/lib/random.ts'
import { MASKED_SCORE } from '../../model/sasrec.ts'
import type { EmitLoss } from '../../train/network.ts'
import { mix, type Task } from '../../train/trainer.ts'
import type { Placement } from './packing.ts'

export type NextItemShape = { rows: number; rowLength: number }
export type NextItemTaskOptions = NextItemShape & {
  /** Of each at least two items. */
  histories: readonly Uint32Array[]
  placementsAt(draw: number): readonly Placement[]
  emit: EmitLoss
  /** Where the softmax is over a sample: what is drawn for a step. */
  sample?: (random: () => number) => Sample
  seed: number
}
/** Items drawn with replacement, and the logarithm of how often each is expected among them. */
export type Sample = { items: Uint32Array; logExpected: Float32Array }

export function createNextItemTask(options: NextItemTaskOptions): Task {
  const { rows, rowLength, histories, placementsAt, emit, sample, seed } = options
  const places = rows * rowLength
  return {
    name: 'next-item',
    weight: 1,
    batchAt(draw) {
      const placements = placementsAt(draw)
      const items = new BigInt64Array(places)
      const positions = new BigInt64Array(places)
      const targets = new BigInt64Array(places)
      const weights = new Float32Array(places)
      const mask = new Float32Array(places * rowLength).fill(MASKED_SCORE)
      // An empty place sees itself.
      for (let place = 0; place < places; place++) mask[place * rowLength + (place % rowLength)] = 0
      for (const { history, row, from } of placements) {
        const list = histories[history]!
        for (let at = 0; at < list.length - 1; at++) {
          const place = row * rowLength + from + at
          items[place] = BigInt(list[at]!)
          targets[place] = BigInt(list[at + 1]!)
          positions[place] = BigInt(at)
          weights[place] = 1
          // It sees itself and what came before it in its own history.
          mask.fill(0, place * rowLength + from, place * rowLength + from + at + 1)
        }
      }
      return {
        shape: `next-item ${rows}×${rowLength}`,
        emit,
        feeds: {
          items: { data: items, dims: [places] },
          positions: { data: positions, dims: [rows, rowLength] },
          mask: { data: mask, dims: [rows, 1, rowLength, rowLength] },
          targets: { data: targets, dims: [places] },
          weights: { data: weights, dims: [places, 1] },
          ...(sample ? sampleFeeds(sample(createRandom(mix(seed, draw)))) : {}),
        },
        texts: placements.length,
      }
    },
  }
}

const sampleFeeds = ({ items, logExpected }: Sample) => ({
  sampled: { data: BigInt64Array.from(items, BigInt), dims: [items.length] },
  log_expected: { data: logExpected, dims: [1, items.length] },
})
