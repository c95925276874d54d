/**
 * @file Implicit ALS: users and items as vectors whose product says how sure it is that the user wants the item.
 *
 *   min  Σ over all u, i  c_ui (p_ui − x_uᵀ y_i)² + λ (Σ ‖x_u‖² + Σ ‖y_i‖²),   p_ui = 1 where u has i,   c_ui = 1 + α · p_ui
 *   x_u = (Yᵀ Y + α Σ over i of u  y_i y_iᵀ + λ I)⁻¹ (1 + α) Σ over i of u  y_i;   y_i likewise
 *
 * A history that was not there in training gets its vector by the same equation. Source: Hu, Koren, Volinsky, ICDM 2008.
 */
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { factorise, solveFactorised } from './cholesky.ts'
import type { NextItemModel, Sequences } from './next-item.ts'

export type AlsSettings = { factors: number; rounds: number; confidence: number; ridge: number }

/** f32[items, factors] */
export type Factors = { size: number; data: Float32Array }

export function alsItems({ itemCount, sequences }: Sequences, settings: AlsSettings, seed: number): Factors {
  const { factors: size, rounds } = settings
  const users = sequences.map((items) => Uint32Array.from(new Set(items)))
  const having: number[][] = Array.from({ length: itemCount }, () => [])
  users.forEach((items, user) => {
    for (const item of items) having[item]!.push(user)
  })
  const random = createRandom(seed)
  const items: Factors = {
    size,
    data: Float32Array.from({ length: itemCount * size }, () => gaussian(random) / size),
  }
  const shoppers: Factors = { size, data: new Float32Array(users.length * size) }
  for (let round = 0; round < rounds; round++) {
    solveAll(shoppers, users, items, settings)
    solveAll(items, having, shoppers, settings)
  }
  return items
}

export const alsModel = (items: Factors, settings: AlsSettings): NextItemModel => ({
  async score(histories) {
    const users: Factors = { size: items.size, data: new Float32Array(histories.length * items.size) }
    solveAll(
      users,
      histories.map((history) => Uint32Array.from(new Set(history))),
      items,
      settings,
    )
    return histories.map((_, user) => {
      const own = users.data.subarray(user * items.size, (user + 1) * items.size)
      return Float32Array.from({ length: items.data.length / items.size }, (_, item) =>
        own.reduce((sum, one, at) => sum + one * items.data[item * items.size + at]!, 0),
      )
    })
  },
})

/** Writes to row r of `of` what fits `fixed` best, of which the row has those of `entries[r]`. */
function solveAll(
  of: Factors,
  entries: readonly ArrayLike<number>[],
  fixed: Factors,
  { confidence, ridge }: AlsSettings,
): void {
  const { size, data } = fixed
  const gram = new Float64Array(size * size)
  for (let row = 0; row < data.length; row += size) addSquare(gram, data, row, size, 1)
  for (let at = 0; at < size; at++) gram[at * size + at]! += ridge
  for (let row = 0; row < entries.length; row++) {
    const matrix = gram.slice()
    const vector = new Float64Array(size)
    for (const entry of Array.from(entries[row]!)) {
      addSquare(matrix, data, entry * size, size, confidence)
      for (let at = 0; at < size; at++) vector[at]! += (1 + confidence) * data[entry * size + at]!
    }
    factorise(matrix, size)
    solveFactorised(matrix, size, vector)
    of.data.set(vector, row * size)
  }
}

/** matrix += weight · v vᵀ, v = data[from, from + size); the lower triangle alone, which is all that `factorise` reads. */
function addSquare(
  matrix: Float64Array,
  data: Float32Array,
  from: number,
  size: number,
  weight: number,
): void {
  for (let row = 0; row < size; row++) {
    const scaled = weight * data[from + row]!
    for (let column = 0; column <= row; column++)
      matrix[row * size + column]! += scaled * data[from + column]!
  }
}
