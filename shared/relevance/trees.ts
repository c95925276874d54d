/** @file An ensemble of regression trees: what it says of a row of features. Grown in `gpu-worker/train/trees`. */
import { z } from 'zod'

/**
 * One tree, its nodes in lists with the root first. A row goes left where its feature is at most the threshold. A leaf has the
 * feature −1, and its threshold is its value.
 */
export const Tree = z
  .object({
    feature: z.array(z.int().min(-1)).min(1),
    threshold: z.array(z.number()),
    left: z.array(z.int().nonnegative()),
    right: z.array(z.int().nonnegative()),
  })
  .refine(
    ({ feature, threshold, left, right }) =>
      [threshold, left, right].every(({ length }) => length === feature.length) &&
      feature.every(
        (one, node) => one < 0 || [left, right].every((to) => isLater(to[node]!, node, feature.length)),
      ),
    'the children of a node come after it',
  )
const isLater = (child: number, node: number, count: number): boolean => child > node && child < count
export type Tree = z.infer<typeof Tree>
export const Trees = z.object({ base: z.number(), trees: z.array(Tree) })
export type Trees = z.infer<typeof Trees>

export function leafValue({ feature, threshold, left, right }: Tree, row: ArrayLike<number>): number {
  let node = 0
  while (feature[node]! >= 0) node = row[feature[node]!]! <= threshold[node]! ? left[node]! : right[node]!
  return threshold[node]!
}

/** base + Σ over trees of the value of the leaf that the row reaches. */
export const predict = ({ base, trees }: Trees, row: ArrayLike<number>): number =>
  trees.reduce((sum, tree) => sum + leafValue(tree, row), base)
