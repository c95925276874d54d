/**
 * @file Items that are together more often than chance: co-view or co-purchase, by what the sequences are.
 *
 *   w(i, j) = n_ij · N / (n_i n_j)  ·  n_ij / (n_ij + shrinkage),   n = sequences with the item or with both, N = sequences
 *
 * The first factor is the lift; the second takes from it what a few sequences cannot tell.
 * Source: lift: Brin et al., SIGMOD 1997; shrinkage: Bell and Koren, ICDM 2007.
 */
import { buildNeighbours, type Neighbours } from './neighbours.ts'
import type { Sequences } from './next-item.ts'
import { occurrencesOf } from './occurrences.ts'

export type LiftSettings = { shrinkage: number; limit: number }

export function lift({ itemCount, sequences }: Sequences, { shrinkage, limit }: LiftSettings): Neighbours {
  const baskets = { itemCount, sequences: sequences.map((items) => Uint32Array.from(new Set(items))) }
  const { starts, sequence } = occurrencesOf(baskets)
  const countOf = (item: number) => starts[item + 1]! - starts[item]!
  return buildNeighbours(
    itemCount,
    limit,
    (item, row) => {
      for (let at = starts[item]!; at < starts[item + 1]!; at++)
        for (const other of baskets.sequences[sequence[at]!]!) if (other !== item) row.add(other, 1)
    },
    (both, i, j) => ((both * sequences.length) / (countOf(i) * countOf(j))) * (both / (both + shrinkage)),
  )
}
