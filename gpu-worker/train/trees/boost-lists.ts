/**
 * @file Gradient boosting for ranking: in each list one row is right, and the loss is the cross-entropy of the softmax over the list.
 *
 *   L = −Σ over lists  log( exp s_right / Σ over rows of the list exp s ),   ∂L/∂s = p − y,   ∂²L/∂s² = p (1 − p)
 *
 * Source: ListNet with one relevant document (Cao et al., ICML 2007); Newton steps as in Chen and Guestrin, XGBoost, KDD 2016.
 */
import { createRandom } from '../../../shared/lib/random.ts'
import { leafValue, type Trees } from '../../../shared/relevance/trees.ts'
import { mix } from '../trainer.ts'
import { bin } from './bins.ts'
import { growTree, type TreeSettings } from './grow.ts'

export type ListSettings = TreeSettings & { count: number }
/** Rows [starts[l], starts[l + 1]) are list l, and row right[l] is the one that should come first. */
export type Lists = { starts: Uint32Array; right: Uint32Array }

/** Least weight of a row, so that no leaf weighs nothing. */
const WEIGHT_MIN = 1e-6

/**
 * @param rows f32[rows][features], finite
 * @returns    scores whose differences within a list matter; the same for the same arguments
 */
export function boostLists(
  rows: readonly Float32Array[],
  lists: Lists,
  settings: ListSettings,
  seed: number,
  onTree: (tree: number, count: number) => void = () => {},
): Trees {
  const binned = bin(rows)
  const scores = new Float64Array(rows.length)
  const targets = new Float64Array(rows.length)
  const weights = new Float64Array(rows.length)
  const trees: Trees['trees'] = []
  for (let count = 0; count < settings.count; count++) {
    onTree(count, settings.count)
    descend(scores, lists, targets, weights)
    const tree = growTree(binned, { targets, weights }, settings, createRandom(mix(seed, count)))
    trees.push(tree)
    for (let row = 0; row < rows.length; row++) scores[row]! += leafValue(tree, rows[row]!)
  }
  return { base: 0, trees }
}

function descend(
  scores: Float64Array,
  { starts, right }: Lists,
  targets: Float64Array,
  weights: Float64Array,
): void {
  for (let list = 0; list < right.length; list++) {
    const [from, to] = [starts[list]!, starts[list + 1]!]
    let highest = Number.NEGATIVE_INFINITY
    for (let row = from; row < to; row++) highest = Math.max(highest, scores[row]!)
    let sum = 0
    for (let row = from; row < to; row++) sum += Math.exp(scores[row]! - highest)
    for (let row = from; row < to; row++) {
      const p = Math.exp(scores[row]! - highest) / sum
      targets[row] = (row === right[list] ? 1 : 0) - p
      weights[row] = Math.max(WEIGHT_MIN, p * (1 - p))
    }
  }
}
