/**
 * @file Items that the same sequences have, whatever the order.
 *
 *   w(i, j) = |S_i ∩ S_j| / (√(|S_i| |S_j|) + shrinkage),   S_i = sequences with item i; each counts 1 / √(its length)
 *
 * Source: Sarwar et al., WWW 2001; shrinkage: Bell and Koren, KDD Cup 2007.
 */
import { buildNeighbours, type Neighbours } from './neighbours.ts'
import type { Sequences } from './next-item.ts'
import { occurrencesOf } from './occurrences.ts'

export type ItemKnnSettings = { shrinkage: number; limit: number }

export function itemKnn(
  { itemCount, sequences }: Sequences,
  { shrinkage, limit }: ItemKnnSettings,
): Neighbours {
  const baskets = { itemCount, sequences: sequences.map((items) => Uint32Array.from(new Set(items))) }
  const { starts, sequence } = occurrencesOf(baskets)
  const sizes = Float64Array.from({ length: itemCount }, (_, item) => {
    let size = 0
    for (let at = starts[item]!; at < starts[item + 1]!; at++)
      size += baskets.sequences[sequence[at]!]!.length ** -0.5
    return size
  })
  return buildNeighbours(
    itemCount,
    limit,
    (item, row) => {
      for (let at = starts[item]!; at < starts[item + 1]!; at++) {
        const basket = baskets.sequences[sequence[at]!]!
        for (const other of basket) if (other !== item) row.add(other, basket.length ** -0.5)
      }
    },
    (sum, i, j) => sum / (Math.sqrt(sizes[i]! * sizes[j]!) + shrinkage),
  )
}
