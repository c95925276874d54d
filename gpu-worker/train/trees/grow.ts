/**
 * @file One regression tree: the leaf whose split gains most is split next, splits are found in histograms of the bins, and of
 * two children only the smaller is counted.
 *
 * Source: Ke et al., LightGBM, NIPS 2017; weights as in Chen and Guestrin, XGBoost, KDD 2016.
 */
import type { Random } from '../../../shared/lib/random.ts'
import type { Tree } from '../../../shared/relevance/trees.ts'
import { BINS_MAX, type Binned } from './bins.ts'

export type TreeSettings = {
  /** Share of a leaf's weighted mean that is its value. */
  rate: number
  leaves: number
  /** Rows of a leaf at least. */
  leafRowsMin: number
  /** Weight of a leaf at least, where rows weigh: for the log loss rows that are sure weigh next to nothing. Default 0. */
  leafWeightMin?: number
  /** Pulls small leaves to zero, as so many rows of weight 1 and value 0 in each would. */
  ridge: number
  /** Shares of the rows and of the features that the tree sees. */
  rowShare: number
  featureShare: number
}

/** What each row asks of the tree. */
export type Wanted = {
  /** −∂loss/∂value: for squared error, what is left over. */
  targets: Float64Array
  /** ∂²loss/∂value², > 0: how much of the leaf's value a row decides. Without them all weigh 1. */
  weights?: Float64Array
}

/** Rows [from, to) of the order, with the sums and the count of each bin of each feature. */
type Leaf = {
  node: number
  from: number
  to: number
  sum: number
  weight: number
  histogram: Float64Array
  split: Split | null
}
type Split = { feature: number; bin: number; gain: number }

/** Numbers of a bin in a histogram: sum of targets, sum of weights, count. */
const BIN = 3
/** Numbers of a feature. */
const WIDTH = BIN * BINS_MAX
/** Less is rounding. */
const GAIN_MIN = 1e-9
/** Of a leaf: rows that are sure of their value ask for steps without end. */
const WEIGHT_MIN = 1

export function growTree(binned: Binned, wanted: Wanted, settings: TreeSettings, random: Random): Tree {
  const { columns, edges } = binned
  const order = Uint32Array.from(wanted.targets.keys()).filter(() => random() < settings.rowShare)
  const features = [...columns.keys()].filter(
    (feature) => random() < settings.featureShare && edges[feature]!.length > 0,
  )
  const tree: Tree = { feature: [], threshold: [], left: [], right: [] }
  const open = (from: number, to: number, histogram: Float64Array): Leaf => {
    const node = tree.feature.push(-1) - 1
    tree.threshold.push(0)
    tree.left.push(0)
    tree.right.push(0)
    let sum = 0
    let weight = 0
    for (let at = from; at < to; at++) {
      sum += wanted.targets[order[at]!]!
      weight += wanted.weights?.[order[at]!] ?? 1
    }
    const split = bestSplit(histogram, features, edges, { sum, weight, count: to - from }, settings)
    return { node, from, to, sum, weight, histogram, split }
  }
  const count = (from: number, to: number) => fillBins(columns, features, wanted, order.subarray(from, to))

  const leaves = [open(0, order.length, count(0, order.length))]
  while (leaves.length < settings.leaves) {
    const leaf = leaves.reduce((best, one) => (gainOf(one) > gainOf(best) ? one : best))
    if (!leaf.split) break
    const { feature, bin } = leaf.split
    const middle = partition(order, leaf.from, leaf.to, columns[feature]!, bin)
    const isLeftSmaller = middle - leaf.from < leaf.to - middle
    const smaller = isLeftSmaller ? count(leaf.from, middle) : count(middle, leaf.to)
    const larger = leaf.histogram
    for (let at = 0; at < larger.length; at++) larger[at]! -= smaller[at]!
    const left = open(leaf.from, middle, isLeftSmaller ? smaller : larger)
    const right = open(middle, leaf.to, isLeftSmaller ? larger : smaller)
    tree.feature[leaf.node] = feature
    tree.threshold[leaf.node] = edges[feature]![bin]!
    tree.left[leaf.node] = left.node
    tree.right[leaf.node] = right.node
    leaves.splice(leaves.indexOf(leaf), 1, left, right)
  }
  for (const { node, sum, weight } of leaves)
    tree.threshold[node] = (settings.rate * sum) / Math.max(WEIGHT_MIN, weight + settings.ridge)
  return tree
}

const gainOf = ({ split }: Leaf): number => split?.gain ?? 0

function fillBins(
  columns: readonly Uint8Array[],
  features: readonly number[],
  { targets, weights }: Wanted,
  rows: Uint32Array,
): Float64Array {
  const histogram = new Float64Array(features.length * WIDTH)
  features.forEach((feature, place) => {
    const column = columns[feature]!
    const from = place * WIDTH
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!
      const bin = from + BIN * column[row]!
      histogram[bin]! += targets[row]!
      histogram[bin + 1]! += weights ? weights[row]! : 1
      histogram[bin + 2]!++
    }
  })
  return histogram
}

/** The split that lowers the loss most: G = S_l² / (w_l + ridge) + S_r² / (w_r + ridge) − S² / (w + ridge). */
function bestSplit(
  histogram: Float64Array,
  features: readonly number[],
  edges: readonly Float64Array[],
  { sum, weight, count }: { sum: number; weight: number; count: number },
  { leafRowsMin, leafWeightMin = 0, ridge }: TreeSettings,
): Split | null {
  if (count < 2 * leafRowsMin || weight < 2 * leafWeightMin) return null
  const whole = sum ** 2 / (weight + ridge)
  let best: Split | null = null
  features.forEach((feature, place) => {
    let leftSum = 0
    let leftWeight = 0
    let leftCount = 0
    for (let bin = 0; bin < edges[feature]!.length; bin++) {
      const at = place * WIDTH + BIN * bin
      leftSum += histogram[at]!
      leftWeight += histogram[at + 1]!
      leftCount += histogram[at + 2]!
      if (leftCount < leafRowsMin || leftWeight < leafWeightMin) continue
      if (count - leftCount < leafRowsMin || weight - leftWeight < leafWeightMin) break
      const gain =
        leftSum ** 2 / (leftWeight + ridge) + (sum - leftSum) ** 2 / (weight - leftWeight + ridge) - whole
      if (gain > (best?.gain ?? GAIN_MIN)) best = { feature, bin, gain }
    }
  })
  return best
}

/** Rows of bins up to `bin` first; where the others start. */
function partition(order: Uint32Array, from: number, to: number, column: Uint8Array, bin: number): number {
  let low = from
  let high = to - 1
  while (low <= high) {
    const row = order[low]!
    if (column[row]! <= bin) low++
    else {
      order[low] = order[high]!
      order[high--] = row
    }
  }
  return low
}
