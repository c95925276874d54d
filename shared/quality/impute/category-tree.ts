/**
 * @file The category of an item from its words, level by level: at each node of the shop's own tree a softmax over its children.
 * So the work grows with the branches met and not with the leaves, and a doubt about the leaf leaves its parent sure. Pure.
 *
 * Where like items mostly have no category, the tree does not cover them, and no guess is made however well one of its branches
 * would fit. What covers an item is learnt from the other half of the items, so that an item without a category is no proof against itself.
 */

import type { Item } from '../../schema/item.ts'
import {
  type Adaptive,
  createAdaptive,
  sumOf,
  sumOfThousandths,
  toThousandths,
  WEIGHT_STEPS,
} from '../learn/adaptive.ts'
import {
  type Calibration,
  calibrate,
  calibrationError,
  fitCalibration,
  type Guess,
  sigmoid,
} from '../learn/calibration.ts'
import { hashText, kindFeatures, mixHashes } from '../learn/features.ts'

type Described = Pick<Item, 'id' | 'title' | 'brand'>
export type LabelledItem = { features: number[]; category: string[]; half: number; isHeldOut: boolean }
/** Node 0 is the root. `name` is '' for the end of a path, which is a child like others. */
type Node = { name: string; children: number[] }
export type CategoryTree = {
  nodes: Node[]
  /** Thousandths, `CELLS` of them: what a hashed feature adds to the score of a node among its sisters. */
  weights: number[]
  /** By half of the items: thousandths of what a feature adds to the log odds that an item has a category. */
  covers: number[][]
  /** Fitted on the guesses, level by level, for items that were not learnt from. */
  calibration: Calibration
  /** Of those items: share of whole paths right, and calibration error of all their guesses. */
  heldOut: { items: number; accuracy: number; calibrationError: number }
}
export type CategoryGuess = { path: string[]; confidence: number }

const CELLS = 1 << 17
const COVER_CELLS = 1 << 14
/** A node of fewer items is not told from its sisters. */
const NODE_ITEMS_MIN = 5
const NODES_MAX = 3_000
const EPOCHS = 4
const DESCENT = { rate: 0.5, decay: 1e-4 }
const COVER_DESCENT = { rate: 0.5, decay: 1e-2 }
/** Children that are as unlikely as this are not pushed down further, which saves most of the work. */
const PROBABILITY_MIN = 0.01
/** A tenth of the items is held out for the calibration. */
const HELD_OUT_OF = 10
/** At least so many of like items have a category, or the tree does not cover them. */
const COVERED_MIN = 0.2

export const labelled = (item: Item): LabelledItem => ({
  features: featuresOf(item),
  category: item.category,
  half: halfOf(item),
  isHeldOut: hashText(`held out ${item.id}`) % HELD_OUT_OF === 0,
})
const halfOf = ({ id }: Described): number => hashText(`half ${id}`) & 1
const featuresOf = ({ title, brand }: Described): number[] => kindFeatures({ title, brand, category: [] })

/** Null where no category has `NODE_ITEMS_MIN` items. */
export function learnCategories(items: readonly LabelledItem[]): CategoryTree | null {
  const withCategory = items.filter(({ category }) => category.length > 0)
  const nodes = buildNodes(withCategory)
  if (nodes.length === 1) return null
  const heldOut = withCategory.filter(({ isHeldOut }) => isHeldOut)
  const tree: CategoryTree = {
    nodes,
    weights: learnWeights(
      nodes,
      withCategory.filter(({ isHeldOut }) => !isHeldOut),
    ),
    covers: [0, 1].map((half) => learnCover(items.filter((item) => item.half !== half))),
    calibration: { slope: 1, offset: 0 },
    heldOut: { items: 0, accuracy: 0, calibrationError: 0 },
  }
  const guesses = heldOut.flatMap((item) => judgedGuesses(tree, item))
  const calibration = fitCalibration(guesses)
  const calibrated = guesses.map(({ probability, isRight }) => ({
    probability: calibrate(calibration, probability),
    isRight,
  }))
  const right = heldOut.filter((item) =>
    isSame(guess(tree, item.features).at(-1)?.path, item.category),
  ).length
  const accuracy = right / Math.max(1, heldOut.length)
  return {
    ...tree,
    calibration,
    heldOut: { items: heldOut.length, accuracy, calibrationError: calibrationError(calibrated) },
  }
}

const judgedGuesses = (tree: CategoryTree, { features, category }: LabelledItem): Guess[] =>
  guess(tree, features).map(({ path, confidence }) => ({
    probability: confidence,
    isRight: isSame(path, category.slice(0, path.length)),
  }))
const isSame = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a?.length === b.length && a.every((level, at) => level === b[at])

/** Each level of the likeliest path, from the first down, or none where the tree does not cover such items. Confidence falls on the way. */
export function guessCategory(tree: CategoryTree, item: Described): CategoryGuess[] {
  const features = featuresOf(item)
  const score = sumOfThousandths(tree.covers[halfOf(item)]!, coverCells(features))
  return sigmoid(score) < COVERED_MIN ? [] : calibratedGuess(tree, features)
}

const calibratedGuess = (tree: CategoryTree, features: readonly number[]): CategoryGuess[] =>
  guess(tree, features).map(({ path, confidence }) => ({
    path,
    confidence: calibrate(tree.calibration, confidence),
  }))

function guess(tree: CategoryTree, features: readonly number[]): CategoryGuess[] {
  const { nodes } = tree
  const guesses: CategoryGuess[] = []
  let [node, confidence] = [nodes[0]!, 1]
  let path: string[] = []
  while (node.children.length > 0) {
    const shares = sharesOf(tree, node.children, features)
    const best = shares.indexOf(Math.max(...shares))
    confidence *= shares[best]!
    node = nodes[node.children[best]!]!
    if (node.name === '') break
    path = [...path, node.name]
    guesses.push({ path, confidence })
  }
  return guesses
}

const coverCells = (features: readonly number[]): Uint32Array =>
  Uint32Array.from([0, ...features], (feature) => feature & (COVER_CELLS - 1))

function learnCover(items: readonly LabelledItem[]): number[] {
  const { weights, push } = createAdaptive(COVER_CELLS, COVER_DESCENT)
  const cells = items.map(({ features }) => coverCells(features))
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    items.forEach(({ category }, at) => {
      push(cells[at]!, (category.length > 0 ? 1 : 0) - sigmoid(sumOf(weights, cells[at]!)))
    })
  return toThousandths(weights)
}

function sharesOf(
  { weights }: CategoryTree,
  children: readonly number[],
  features: readonly number[],
): Float64Array {
  return softmax(Float64Array.from(children, (child) => scoreOf(weights, child, features) / WEIGHT_STEPS))
}

/** Without a list of cells, because this is where the time goes. */
function scoreOf(weights: ArrayLike<number>, node: number, features: readonly number[]): number {
  let score = weights[cellOf(node, 0)]!
  for (const feature of features) score += weights[cellOf(node, feature)]!
  return score
}

const cellOf = (node: number, feature: number): number => mixHashes(feature, node) & (CELLS - 1)

function softmax(scores: Float64Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY
  for (const score of scores) most = Math.max(most, score)
  let sum = 0
  for (let at = 0; at < scores.length; at++) {
    scores[at] = Math.exp(scores[at]! - most)
    sum += scores[at]!
  }
  for (let at = 0; at < scores.length; at++) scores[at]! /= sum
  return scores
}

/** Paths with their ends, without what is rare. Nodes come with the paths in the order of their first items. */
function buildNodes(items: readonly LabelledItem[]): Node[] {
  const counts = new Map<string, number>()
  const keys = items.map(({ category }) => prefixesOf(category))
  for (const prefixes of keys) for (const key of prefixes) counts.set(key, (counts.get(key) ?? 0) + 1)
  const nodes: Node[] = [{ name: '', children: [] }]
  const numbers = new Map<string, number>([['[]', 0]])
  items.forEach(({ category }, at) => {
    let parent = 0
    keys[at]!.forEach((key, level) => {
      const known = numbers.get(key)
      if (known === undefined && (counts.get(key)! < NODE_ITEMS_MIN || nodes.length >= NODES_MAX)) return
      const node = known ?? nodes.length
      if (known === undefined) {
        nodes.push({ name: category[level] ?? '', children: [] })
        nodes[parent]!.children.push(node)
        numbers.set(key, node)
      }
      parent = node
    })
  })
  return nodes
}

/** Keys of the nodes that a path goes through after the root, its end among them. */
const prefixesOf = (category: readonly string[]): string[] =>
  Array.from({ length: category.length + 1 }, (_, level) =>
    JSON.stringify([...category, ''].slice(0, level + 1)),
  )

/** The nodes that an item goes through as far as they are known, the root first. */
function routeOf(nodes: readonly Node[], category: readonly string[]): number[] {
  const route = [0]
  for (const name of [...category, '']) {
    const next = nodes[route.at(-1)!]!.children.find((child) => nodes[child]!.name === name)
    if (next === undefined) break
    route.push(next)
  }
  return route
}

/** Multinomial logistic regression at every node. */
function learnWeights(nodes: readonly Node[], items: readonly LabelledItem[]): number[] {
  const descent = createAdaptive(CELLS, DESCENT)
  const routes = items.map(({ category }) => routeOf(nodes, category))
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    items.forEach(({ features }, at) => {
      const route = routes[at]!
      for (let level = 1; level < route.length; level++)
        pushApart(descent, nodes[route[level - 1]!]!.children, route[level]!, features)
    })
  return toThousandths(descent.weights)
}

function pushApart(
  { weights, push }: Adaptive,
  children: readonly number[],
  right: number,
  features: readonly number[],
): void {
  if (children.length === 1) return
  const shares = softmax(Float64Array.from(children, (child) => scoreOf(weights, child, features)))
  children.forEach((child, at) => {
    const wanted = child === right ? 1 : 0
    if (wanted === 0 && shares[at]! < PROBABILITY_MIN) return
    push(
      Uint32Array.from([0, ...features], (feature) => cellOf(child, feature)),
      wanted - shares[at]!,
    )
  })
}
