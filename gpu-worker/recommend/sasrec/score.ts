/** @file Scores of the whole catalogue for histories: the tower and a product with all items, in one graph. */
import { createGraph } from '../../graph/ops.ts'
import type { SasrecConfig } from '../../model/sasrec.ts'
import { openSession } from '../../runtime/session.ts'
import type { NextItemModel } from '../next-item.ts'
import { emitTower, type Tensors } from './tower.ts'
import type { Vectors } from './vectors.ts'

/** Items of all histories of a run: bounds the memory of activations. */
const RUN_ITEMS_MAX = 8_192
/** Numbers of a run's scores. */
const RUN_SCORES_MAX = 1 << 25

export type Scorer = NextItemModel & {
  /** Gives native memory back. */
  close(): Promise<void>
}

/** Scores are cosines. A history without items gives 0 to all. */
export async function openScorer(
  config: SasrecConfig,
  tensors: Tensors,
  items: Vectors,
  threads: number,
): Promise<Scorer> {
  const count = items.data.length / items.size
  const g = createGraph('next_item')
  const table = g.initializer('catalogue', 'f32', [count, items.size], items.data)
  const ids = g.input('items', 'i64', ['batch', 'length'])
  g.output(g.matMulTransposed(emitTower(g, config, tensors, g.gatherRows(table, ids)), table), 'scores')
  const session = await openSession(g.toModel(), { threads })

  return {
    async score(histories) {
      const scores = new Array<Float32Array>(histories.length)
      for (const batch of batchesOf(histories, config.positions, count)) {
        const length = Math.min(config.positions, histories[batch[0]!]!.length)
        if (length === 0) {
          for (const index of batch) scores[index] = new Float32Array(count)
          continue
        }
        const data = new BigInt64Array(batch.length * length)
        batch.forEach((index, row) => {
          const latest = histories[index]!.subarray(-length)
          latest.forEach((item, at) => {
            data[row * length + at] = BigInt(item)
          })
        })
        const result = await session.run({ items: { data, dims: [batch.length, length] } })
        batch.forEach((index, row) => {
          scores[index] = result.scores!.data.subarray(row * count, (row + 1) * count)
        })
      }
      return scores
    },
    close: () => session.close(),
  }
}

/** Histories of one length run together, without padding. */
function batchesOf(histories: readonly Uint32Array[], positions: number, items: number): number[][] {
  const byLength = new Map<number, number[]>()
  histories.forEach(({ length }, index) => {
    const used = Math.min(length, positions)
    const group = byLength.get(used) ?? []
    group.push(index)
    byLength.set(used, group)
  })
  return [...byLength].flatMap(([length, group]) => {
    const size = Math.max(
      1,
      Math.floor(Math.min(RUN_ITEMS_MAX / Math.max(1, length), RUN_SCORES_MAX / items)),
    )
    return Array.from({ length: Math.ceil(group.length / size) }, (_, at) =>
      group.slice(at * size, (at + 1) * size),
    )
  })
}
