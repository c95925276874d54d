/**
 * @file Gradient boosting for squared error: each tree is fitted to what the ones before it leave over. Features are cut into
 * bins once; a split is found in histograms of the bins, the best leaf is split first.
 *
 * Source: Friedman, Annals of Statistics 29(5), 2001; histograms and best-first growth as in Ke et al. (LightGBM), NIPS 2017;
 * sampling of rows and features: Friedman 2002, Ho 1998.
 */
import { createRandom, type Random } from '../../../shared/lib/random.ts'
import type { Tree, Trees } from '../../../shared/relevance/trees.ts'
import { mix } from '../trainer.ts'

export type BoostSettings = {
  trees: number
  /** Share of a tree's answer that is added. */
  rate: number
  leaves: number
  /** Rows of a leaf at least. */
  leafRowsMin: number
  /** Pulls small leaves to zero: rows of weight 0 in each. */
  ridge: number
  /** Shares of the rows and of the features that a tree sees. */
  rowShare: number
  featureShare: number
}
const BINS = 255

/** Columns of a table in bins. */
type Binned = { columns: Uint8Array[]; edges: Float64Array[] }

/**
 * @param rows    f32[rows][features], finite
 * @param targets f32[rows]
 * @param onTree  called after each tree
 */
export function growTrees(
  rows: readonly Float32Array[],
  targets: Float32Array,
  settings: BoostSettings,
  seed: number,
  onTree: (count: number) => void = () => {},
): Trees {
  const binned = bin(rows)
  let base = 0
  for (const target of targets) base += target / targets.length
  const residual = Float64Array.from(targets, (target) => target - base)
  const trees: Tree[] = []
  for (let count = 1; count <= settings.trees; count++) {
    const random = createRandom(mix(seed, count))
    const tree = growTree(binned, residual, settings, random)
    trees.push(tree)
    for (let row = 0; row < rows.length; row++) residual[row]! -= leafOf(tree, rows[row]!)
    onTree(count)
  }
  return { base, trees }
}

function leafOf({ feature, threshold, left, right }: Tree, row: Float32Array): number {
  let node = 0
  while (feature[node]! >= 0) node = row[feature[node]!]! <= threshold[node]! ? left[node]! : right[node]!
  return threshold[node]!
}

function bin(rows: readonly Float32Array[]): Binned {
  const features = rows[0]!.length
  const columns: Uint8Array[] = []
  const edges: Float64Array[] = []
  for (let feature = 0; feature < features; feature++) {
    const sorted = Float32Array.from(rows, (row) => row[feature]!).sort()
    const cuts: number[] = []
    const distinct: number[] = []
    for (const v of sorted) if (distinct.at(-1) !== v) distinct.push(v)
    if (distinct.length <= BINS) for (let i = 1; i < distinct.length; i++) cuts.push((distinct[i - 1]! + distinct[i]!) / 2)
    else
      for (let b = 1; b < BINS; b++) {
        const at = Math.floor((b * sorted.length) / BINS)
        const cut = (sorted[at - 1]! + sorted[at]!) / 2
        if (sorted[at]! > sorted[at - 1]! && cuts.at(-1) !== cut) cuts.push(cut)
        else if (cuts.at(-1) === undefined || sorted[at]! > cuts.at(-1)!) {
          const next = distinct[lowerBound(distinct, sorted[at]!) + 1]
          if (next !== undefined) { const c2 = (sorted[at]! + next) / 2; if (cuts.at(-1) === undefined || c2 > cuts.at(-1)!) cuts.push(c2) }
        }
      }
    const e = Float64Array.from(cuts)
    edges.push(e)
    columns.push(Uint8Array.from(rows, (row) => lowerBound(e, row[feature]!)))
  }
  return { columns, edges }
}
/** First place whose value is ≥ x: bin b holds edges[b−1] < x ≤ edges[b]. */
function lowerBound(values: ArrayLike<number>, x: number): number {
  let low = 0, high = values.length
  while (low < high) { const mid = (low + high) >> 1; if (values[mid]! < x) low = mid + 1; else high = mid }
  return low
}

type Leaf = { node: number; from: number; to: number; sum: number; histogram: Float64Array; split: Split | null }
type Split = { feature: number; bin: number; gain: number }

function growTree({ columns, edges }: Binned, residual: Float64Array, s: BoostSettings, random: Random): Tree {
  const sampled = new Uint32Array(residual.length)
  let rowCount = 0
  for (let row = 0; row < residual.length; row++) if (random() < s.rowShare) sampled[rowCount++] = row
  const order = sampled.subarray(0, rowCount)
  const features = columns.flatMap((_, f) => (random() < s.featureShare && edges[f]!.length > 0 ? [f] : []))
  const tree: Tree = { feature: [], threshold: [], left: [], right: [] }
  const addNode = () => { tree.feature.push(-1); tree.threshold.push(0); tree.left.push(0); tree.right.push(0); return tree.feature.length - 1 }
  const WIDTH = 2 * (BINS + 1)
  const histogramOf = (from: number, to: number) => {
    const h = new Float64Array(features.length * WIDTH)
    features.forEach((f, k) => {
      const column = columns[f]!
      const at = k * WIDTH
      for (let i = from; i < to; i++) {
        const row = order[i]!
        const b = at + 2 * column[row]!
        h[b]! += residual[row]!
        h[b + 1]! += 1
      }
    })
    return h
  }
  const bestSplit = (leaf: Leaf): Split | null => {
    const count = leaf.to - leaf.from
    if (count < 2 * s.leafRowsMin) return null
    const whole = leaf.sum ** 2 / (count + s.ridge)
    let best: Split | null = null
    features.forEach((f, k) => {
      let sum = 0, c = 0
      for (let b = 0; b < edges[f]!.length; b++) {
        sum += leaf.histogram[k * WIDTH + 2 * b]!
        c += leaf.histogram[k * WIDTH + 2 * b + 1]!
        if (c < s.leafRowsMin) continue
        if (count - c < s.leafRowsMin) break
        const gain = sum ** 2 / (c + s.ridge) + (leaf.sum - sum) ** 2 / (count - c + s.ridge) - whole
        if (gain > (best?.gain ?? 1e-9)) best = { feature: f, bin: b, gain }
      }
    })
    return best
  }
  const sumOf = (from: number, to: number) => { let x = 0; for (let i = from; i < to; i++) x += residual[order[i]!]!; return x }
  const root: Leaf = { node: addNode(), from: 0, to: rowCount, sum: sumOf(0, rowCount), histogram: histogramOf(0, rowCount), split: null }
  root.split = bestSplit(root)
  const leaves = [root]
  while (leaves.length < s.leaves) {
    let at = -1
    leaves.forEach((l, i) => { if (l.split && (at < 0 || l.split.gain > leaves[at]!.split!.gain)) at = i })
    if (at < 0) break
    const leaf = leaves[at]!
    const { feature, bin: b } = leaf.split!
    const column = columns[feature]!
    let i = leaf.from, j = leaf.to - 1
    while (i <= j) { if (column[order[i]!]! <= b) i++; else { const x = order[i]!; order[i] = order[j]!; order[j] = x; j-- } }
    const make = (from: number, to: number, histogram: Float64Array): Leaf => { const l: Leaf = { node: addNode(), from, to, sum: sumOf(from, to), histogram, split: null }; l.split = bestSplit(l); return l }
    const smallLeft = i - leaf.from < leaf.to - i
    const small = smallLeft ? histogramOf(leaf.from, i) : histogramOf(i, leaf.to)
    const large = leaf.histogram
    for (let k = 0; k < large.length; k++) large[k]! -= small[k]!
    const left = make(leaf.from, i, smallLeft ? small : large)
    const right = make(i, leaf.to, smallLeft ? large : small)
    tree.feature[leaf.node] = feature
    tree.threshold[leaf.node] = edges[feature]![b]!
    tree.left[leaf.node] = left.node
    tree.right[leaf.node] = right.node
    leaves.splice(at, 1, left, right)
  }
  for (const l of leaves) tree.threshold[l.node] = (s.rate * l.sum) / (l.to - l.from + s.ridge)
  return tree
}
