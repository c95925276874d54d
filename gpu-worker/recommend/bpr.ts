/**
 * @file BPR-MF: vectors of users and items, learnt so that what a user has comes before what they have not.
 *
 *   max  Σ over u, i of u, j not of u  ln σ(x_u · (y_i − y_j)) − λ (‖x_u‖² + ‖y_i‖² + ‖y_j‖²),   by single steps, j drawn at random
 *
 * A history that was not there in training has the mean of its items' vectors. Source: Rendle et al., UAI 2009.
 */
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import type { Factors } from './als.ts'
import type { NextItemModel, Sequences } from './next-item.ts'

export type BprSettings = { factors: number; epochs: number; rate: number; ridge: number }

/** Draws of an item that the user has not, at most: a user may have nearly all. */
const DRAWS_MAX = 20
const INITIAL_DEVIATION = 0.1

export function bprItems(
  { itemCount, sequences }: Sequences,
  { factors: size, epochs, rate, ridge }: BprSettings,
  seed: number,
): Factors {
  const random = createRandom(seed)
  const draw = (count: number) =>
    Float32Array.from({ length: count * size }, () => INITIAL_DEVIATION * gaussian(random))
  const items = draw(itemCount)
  const users = draw(sequences.length)
  const owned = sequences.map((all) => new Set(all))
  const events = sequences.flatMap((all, user) => Array.from(all, (item) => ({ user, item })))
  for (let step = 0; step < epochs * events.length; step++) {
    const { user, item } = events[Math.floor(random() * events.length)]!
    const other = drawOther(itemCount, owned[user]!, random)
    if (other === null) continue
    const [x, i, j] = [user * size, item * size, other * size]
    let margin = 0
    for (let at = 0; at < size; at++) margin += users[x + at]! * (items[i + at]! - items[j + at]!)
    const slope = 1 / (1 + Math.exp(margin))
    for (let at = 0; at < size; at++) {
      const [own, right, wrong] = [users[x + at]!, items[i + at]!, items[j + at]!]
      users[x + at]! += rate * (slope * (right - wrong) - ridge * own)
      items[i + at]! += rate * (slope * own - ridge * right)
      items[j + at]! += rate * (-slope * own - ridge * wrong)
    }
  }
  return { size, data: items }
}

function drawOther(itemCount: number, owned: ReadonlySet<number>, random: () => number): number | null {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const item = Math.floor(random() * itemCount)
    if (!owned.has(item)) return item
  }
  return null
}

/** score(j) = y_j · mean of y over the history. */
export const meanFactorModel = ({ size, data }: Factors): NextItemModel => ({
  score: async (histories) =>
    histories.map((history) => {
      const user = new Float64Array(size)
      for (const item of history)
        for (let at = 0; at < size; at++) user[at]! += data[item * size + at]! / history.length
      return Float32Array.from({ length: data.length / size }, (_, item) =>
        user.reduce((sum, one, at) => sum + one * data[item * size + at]!, 0),
      )
    }),
})
