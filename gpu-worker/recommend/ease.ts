/**
 * @file EASEᴿ: the linear model of all items at once that foretells each from the others, in closed form.
 *
 *   min over B with diag B = 0  ‖X − X B‖² + λ‖B‖²:   P = (Xᵀ X + λ I)⁻¹,   B_ij = −P_ij / P_jj,   X = 1 where a user has an item
 *
 * Source: Steck, WWW 2019. Where the matrix would be too large, each column is solved over the items most often seen with its own, as
 * fsSLIM does (Ning and Karypis, ICDM 2011): there (G_NN + λ I) w = G_Nj, G = Xᵀ X.
 */
import { factorise, solveFactorised } from './cholesky.ts'
import { type InvertOptions, invertInPlace } from './invert.ts'
import { buildNeighbours, type Neighbours } from './neighbours.ts'
import type { Sequences } from './next-item.ts'

/** The matrix of so many takes 1.6 GB. */
export const EASE_ITEMS_MAX = 20_000

export type EaseSettings = {
  /** λ, above 0. */
  ridge: number
  /** Neighbours of an item at most; those of negative weight are left out. */
  limit: number
}

/** Exact. At most EASE_ITEMS_MAX items. */
export async function ease(
  data: Sequences,
  { ridge, limit }: EaseSettings,
  options: InvertOptions,
): Promise<Neighbours> {
  const n = data.itemCount
  const matrix = new Float32Array(n * n)
  for (const items of basketsOf(data)) for (const i of items) for (const j of items) matrix[i * n + j]!++
  for (let item = 0; item < n; item++) matrix[item * n + item]! += ridge
  await invertInPlace(matrix, n, options)
  return buildNeighbours(
    n,
    limit,
    (i, row) => {
      for (let j = 0; j < n; j++) {
        const weight = -matrix[i * n + j]! / matrix[j * n + j]!
        if (j !== i && weight > 0) row.add(j, weight)
      }
    },
    (weight) => weight,
  )
}

/** Each column over its own nearest items: for any number of items. @param support how many of them */
export function easeSparse(
  data: Sequences,
  { ridge, limit, support }: EaseSettings & { support: number },
): Neighbours {
  const gram = gramOf(data)
  const size = (item: number) => gram.diagonal[item]!
  const columns: { i: number; weight: number }[][] = Array.from({ length: data.itemCount }, () => [])
  const placeOf = new Int32Array(data.itemCount).fill(-1)
  for (let j = 0; j < data.itemCount; j++) {
    const near = gram.rows.items.subarray(
      gram.rows.starts[j]!,
      Math.min(gram.rows.starts[j + 1]!, gram.rows.starts[j]! + support),
    )
    const n = near.length
    const matrix = new Float64Array(n * n)
    near.forEach((item, place) => {
      placeOf[item] = place
    })
    near.forEach((item, row) => {
      matrix[row * n + row] = size(item) + ridge
      for (let at = gram.rows.starts[item]!; at < gram.rows.starts[item + 1]!; at++) {
        const column = placeOf[gram.rows.items[at]!]!
        if (column >= 0) matrix[row * n + column] = gram.rows.weights[at]!
      }
    })
    for (const item of near) placeOf[item] = -1
    const weights = Float64Array.from(
      near.keys(),
      (place) => gram.rows.weights[gram.rows.starts[j]! + place]!,
    )
    factorise(matrix, n)
    solveFactorised(matrix, n, weights)
    near.forEach((i, place) => {
      columns[i]!.push({ i: j, weight: weights[place]! })
    })
  }
  return buildNeighbours(
    data.itemCount,
    limit,
    (item, row) => {
      for (const { i, weight } of columns[item]!) if (weight > 0) row.add(i, weight)
    },
    (weight) => weight,
  )
}

const basketsOf = ({ sequences }: Sequences): Uint32Array[] =>
  sequences.map((items) => Uint32Array.from(new Set(items)))

/** Xᵀ X: its diagonal, and beside it each row's entries, largest first. */
function gramOf(data: Sequences): { diagonal: Float64Array; rows: Neighbours } {
  const diagonal = new Float64Array(data.itemCount)
  const having: number[][] = Array.from({ length: data.itemCount }, () => [])
  const baskets = basketsOf(data)
  baskets.forEach((items, number) => {
    for (const item of items) {
      diagonal[item]!++
      having[item]!.push(number)
    }
  })
  const rows = buildNeighbours(
    data.itemCount,
    data.itemCount,
    (item, row) => {
      for (const number of having[item]!)
        for (const other of baskets[number]!) if (other !== item) row.add(other, 1)
    },
    (count) => count,
  )
  return { diagonal, rows }
}
