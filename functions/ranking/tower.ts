/**
 * @file A history's items → the vector of what its shopper wants, in the space of the items: by the user tower in ONNX, and by a mean
 * in which the newest weigh most where there is no tower, or where it is not right.
 */
import { dot } from '../../shared/vector/dot.ts'
import type { OrtSession } from './ort-session.ts'

/** What an item's weight is times for each that is newer. */
const RECENCY_DECAY = 0.8
/** How far a tower's vector may be from length 1. */
const LENGTH_TOLERANCE = 0.01

/** Of a history, at least one item. */
export type Tower = {
  /**
   * @param items f32[n, dim], unit vectors, oldest first; of more than the tower's positions the newest count
   * @returns     f32[dim], of length 1. Rejects when the tower is not right.
   */
  run(items: readonly Float32Array[]): Promise<Float32Array>
}

/**
 * A tower in ONNX: f32 items[1, n, dim] → f32 user[1, dim], for n from 1 to `positions`.
 * Throws when it was made for other inputs or outputs.
 */
export function createOnnxTower(session: OrtSession, { positions }: { positions: number }) {
  if (session.inputs.join() !== 'items' || session.outputs.join() !== 'user')
    throw new Error(`the tower has inputs ${session.inputs} and outputs ${session.outputs}`)
  return {
    async run(items: readonly Float32Array[]): Promise<Float32Array> {
      const latest = items.slice(-positions)
      const dim = latest[0]!.length
      const data = new Float32Array(latest.length * dim)
      latest.forEach((vector, at) => {
        data.set(vector, at * dim)
      })
      const { user } = await session.run({ items: { data, shape: [1, latest.length, dim] } })
      if (user?.length !== dim) throw new Error(`the tower gives ${user?.length} numbers for items of ${dim}`)
      if (!(Math.abs(Math.sqrt(dot(user, user)) - 1) < LENGTH_TOLERANCE))
        throw new Error('the tower gives a vector that is not of length 1')
      return user
    },
    release: () => session.release(),
  }
}

/** By the tower, or else by `recencyMean`; the fault says that there was a tower and it failed. */
export async function userVector(
  tower: Tower | null,
  items: readonly Float32Array[],
): Promise<{ vector: Float32Array; hasFailed: boolean }> {
  if (!tower) return { vector: recencyMean(items), hasFailed: false }
  return tower.run(items).then(
    (vector) => ({ vector, hasFailed: false }),
    () => ({ vector: recencyMean(items), hasFailed: true }),
  )
}

/**
 * Σ decay^age · item over the items, age 0 for the newest, at length 1; zeros where they cancel out.
 *
 * @param items at least one, oldest first
 */
export function recencyMean(items: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(items[0]!.length)
  for (const item of items) for (let i = 0; i < sum.length; i++) sum[i] = RECENCY_DECAY * sum[i]! + item[i]!
  const length = Math.sqrt(dot(sum, sum))
  return length > 0 ? sum.map((x) => x / length) : sum
}
