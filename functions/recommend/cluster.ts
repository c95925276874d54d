/** @file Vectors into a few groups of those that are alike. Pure. */
import { dot } from '../../shared/vector/dot.ts'

const ROUNDS = 3
/** One more group has to take away this share of what is left unexplained, */
const GAIN_MIN = 0.4
/** and below this unlikeness there is nothing to explain. */
const UNLIKENESS_MIN = 0.05

/**
 * Spherical k-means on weighted unit vectors, by their dot products alone: cost = Σ w(i) · (1 − cos(i, centre)). Groups are begun greedily,
 * at the vector that costs most, and their number grows while it pays.
 *
 * @param groupsMax ≥ 1
 * @returns         indices of each group, none empty; the first has the first vector. None without vectors.
 * Cost: n² / 2 dot products; what follows touches n² numbers a round.
 * Source: Dhillon, Modha, Machine Learning 42, 2001; seeding as Gonzalez 1985, weighted.
 */
export function clusterVectors(
  vectors: readonly { vector: Float32Array; weight: number }[],
  groupsMax: number,
): number[][] {
  const count = vectors.length
  if (count === 0) return []
  const weights = vectors.map(({ weight }) => weight)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const gram = gramOf(vectors)
  const starts = [0]
  let best = settle(gram, weights, starts)
  while (starts.length < Math.min(groupsMax, count) && best.cost > UNLIKENESS_MIN * total) {
    const worst = best.costs.indexOf(Math.max(...best.costs))
    if (starts.includes(worst)) break
    starts.push(worst)
    const next = settle(gram, weights, starts)
    if (next.cost > (1 - GAIN_MIN) * best.cost) break
    best = next
  }
  return best.groups.filter((group) => group.length > 0)
}

type Grouping = { groups: number[][]; costs: number[]; cost: number }

function settle(gram: readonly number[][], weights: readonly number[], starts: readonly number[]): Grouping {
  let grouping = assign(weights, starts.length, (i, group) => gram[i]![starts[group]!]!)
  for (let round = 0; round < ROUNDS; round++) {
    const { groups } = grouping
    const norms = groups.map((group) =>
      Math.sqrt(sumOver(group, (i) => weights[i]! * towards(gram, weights, i, group))),
    )
    grouping = assign(weights, groups.length, (i, group) =>
      norms[group]! > 0
        ? towards(gram, weights, i, groups[group]!) / norms[group]!
        : Number.NEGATIVE_INFINITY,
    )
  }
  return grouping
}

/** ⟨x(i), Σ over the group w(j) · x(j)⟩ */
const towards = (
  gram: readonly number[][],
  weights: readonly number[],
  i: number,
  group: readonly number[],
): number => sumOver(group, (j) => weights[j]! * gram[i]![j]!)

const sumOver = (group: readonly number[], value: (i: number) => number): number => {
  let sum = 0
  for (const i of group) sum += value(i)
  return sum
}

/** Each to the group that it is most like; of equals the first. */
function assign(
  weights: readonly number[],
  groupCount: number,
  likeness: (i: number, group: number) => number,
): Grouping {
  const groups: number[][] = Array.from({ length: groupCount }, () => [])
  const costs = weights.map((weight, i) => {
    let best = 0
    for (let group = 1; group < groupCount; group++) if (likeness(i, group) > likeness(i, best)) best = group
    groups[best]!.push(i)
    return weight * (1 - likeness(i, best))
  })
  return { groups, costs, cost: costs.reduce((sum, cost) => sum + cost, 0) }
}

function gramOf(vectors: readonly { vector: Float32Array }[]): number[][] {
  const gram = vectors.map(() => new Array<number>(vectors.length).fill(0))
  vectors.forEach(({ vector }, i) => {
    for (let j = 0; j <= i; j++) gram[i]![j] = gram[j]![i] = dot(vector, vectors[j]!.vector)
  })
  return gram
}
