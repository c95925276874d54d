/**
 * @file Gradient boosting, for squared error and for yes or no: each tree is fitted to what the ones before it leave over.
 *
 * Source: Friedman, Annals of Statistics 29(5), 2001; rows drawn anew for each tree: Friedman 2002; features: Ho 1998.
 */
import { createRandom } from '../../../shared/lib/random.ts'
import { leafValue, type Trees } from '../../../shared/relevance/trees.ts'
import { mix } from '../trainer.ts'
import { bin } from './bins.ts'
import { growTree, type TreeSettings } from './grow.ts'

export type BoostSettings = TreeSettings & {
  count: number
  /**
   * λ: how much the differences within a group matter beside the values themselves. The loss is
   * Σ r² + λ Σ (r − mean of r in its group)², r = what is left over; 0 leaves plain squared error.
   */
  groupWeight: number
}

/**
 * @param rows   f32[rows][features], finite
 * @param groups group of each row, from 0
 * @returns      the same for the same arguments, on every machine
 */
export function boost(
  rows: readonly Float32Array[],
  targets: Float32Array,
  groups: Uint32Array,
  settings: BoostSettings,
  seed: number,
): Trees {
  const binned = bin(rows)
  const base = targets.reduce((sum, target) => sum + target, 0) / targets.length
  const left = Float64Array.from(targets, (target) => target - base)
  const trees: Trees['trees'] = []
  for (let count = 0; count < settings.count; count++) {
    const targets = settings.groupWeight === 0 ? left : withinGroups(left, groups, settings.groupWeight)
    const tree = growTree(binned, { targets }, settings, createRandom(mix(seed, count)))
    trees.push(tree)
    for (let row = 0; row < rows.length; row++) left[row]! -= leafValue(tree, rows[row]!)
  }
  return { base, trees }
}

/**
 * Log-odds that a row is a yes. Each leaf is one Newton step of the log loss: gradient y − p, second derivative p (1 − p).
 *
 * @param rows   f32[rows][features], finite; at least one row
 * @param labels 0 or 1; both occur
 * Source: Friedman, Hastie, Tibshirani, Annals of Statistics 28(2), 2000; with a ridge: Chen and Guestrin, KDD 2016.
 */
export function boostOdds(
  rows: readonly Float32Array[],
  labels: Uint8Array,
  { count, ...settings }: Omit<BoostSettings, 'groupWeight'>,
  seed: number,
): Trees {
  const binned = bin(rows)
  const share = labels.reduce((sum, label) => sum + label, 0) / labels.length
  const base = Math.log(share / (1 - share))
  const odds = new Float64Array(rows.length).fill(base)
  const [gradients, weights] = [new Float64Array(rows.length), new Float64Array(rows.length)]
  const trees: Trees['trees'] = []
  for (let at = 0; at < count; at++) {
    for (let row = 0; row < rows.length; row++) {
      const likely = probabilityOf(odds[row]!)
      gradients[row] = labels[row]! - likely
      weights[row] = Math.max(WEIGHT_MIN, likely * (1 - likely))
    }
    const tree = growTree(binned, { targets: gradients, weights }, settings, createRandom(mix(seed, at)))
    trees.push(tree)
    for (let row = 0; row < rows.length; row++) odds[row]! += leafValue(tree, rows[row]!)
  }
  return { base, trees }
}
/** Keeps a leaf of rows that are all but certain from a division by nothing. */
const WEIGHT_MIN = 1e-6

/** @param odds natural logarithm */
export const probabilityOf = (odds: number): number => 1 / (1 + Math.exp(-odds))

/** The direction of steepest descent of the loss, scaled to the size of r. */
function withinGroups(left: Float64Array, groups: Uint32Array, weight: number): Float64Array {
  const count = groups.reduce((most, group) => Math.max(most, group + 1), 0)
  const sums = new Float64Array(count)
  const sizes = new Float64Array(count)
  groups.forEach((group, row) => {
    sums[group]! += left[row]!
    sizes[group]!++
  })
  return left.map((r, row) => r - (weight * (sums[groups[row]!]! / sizes[groups[row]!]!)) / (1 + weight))
}
