/**
 * @file An ensemble of regression trees: what it says of a row of features. Pure, so that the edge can use it too; grown in
 * `gpu-worker/train/trees`.
 */
import { z } from 'zod'

/**
 * One tree, its nodes in a list with the root first. A row goes left where its feature is at most the threshold. A leaf has
 * the feature −1, and its threshold is what it adds.
 */
export const Tree = z.object({
  feature: z.array(z.int().min(-1)),
  threshold: z.array(z.number()),
  left: z.array(z.int().nonnegative()),
  right: z.array(z.int().nonnegative()),
})
export type Tree = z.infer<typeof Tree>
export const Trees = z.object({ base: z.number(), trees: z.array(Tree) })
export type Trees = z.infer<typeof Trees>

/** base + Σ over trees of the leaf that the row reaches. */
export function predict({ base, trees }: Trees, row: ArrayLike<number>): number {
  let sum = base
  for (const { feature, threshold, left, right } of trees) {
    let node = 0
    while (feature[node]! >= 0) node = row[feature[node]!]! <= threshold[node]! ? left[node]! : right[node]!
    sum += threshold[node]!
  }
  return sum
}
