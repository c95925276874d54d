/** @file A bounded sample of a stream of unknown length. */
import { createRandom } from '../../lib/random.ts'

export type Reservoir<T> = { offer(value: T): void; values: T[] }

/**
 * Every value of the stream is kept with the same chance; all of them while they are at most `max`, so that quantiles of it
 * are exact then, and else wrong in rank by about ±1 / √max (95 % of the time). Which are kept depends on
 * their order alone, never on what they are.
 *
 * Source: Vitter, "Random sampling with a reservoir", 1985 (algorithm R).
 */
export function createReservoir<T>(max: number, seed: number): Reservoir<T> {
  const random = createRandom(seed)
  const values: T[] = []
  let seen = 0
  return {
    values,
    offer(value) {
      const place = seen < max ? seen : Math.floor(random() * (seen + 1))
      seen++
      if (place < max) values[place] = value
    },
  }
}
