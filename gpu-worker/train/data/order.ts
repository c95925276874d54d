/** @file Which examples a draw takes: shuffled anew each epoch, and computed from the number of the draw alone. */
import { createRandom } from '../../../shared/lib/random.ts'
import { mix } from '../trainer.ts'

/** A permutation of 0 … count − 1 for each epoch. Source: Durstenfeld's shuffle, CACM 7(7), 1964. */
export function shuffled(count: number, seed: number, epoch: number): Uint32Array {
  const random = createRandom(mix(seed, epoch))
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}

/** Remembers the plan of the last epoch asked for: draws come in order, with a jump only on resume. */
export function perEpoch<T>(make: (epoch: number) => T): (epoch: number) => T {
  let kept: { epoch: number; plan: T } | null = null
  return (epoch) => {
    if (kept?.epoch !== epoch) kept = { epoch, plan: make(epoch) }
    return kept.plan
  }
}

/** `size` examples of a draw, going round the epochs; an example comes once per epoch. */
export function drawExamples(count: number, size: number, seed: number) {
  const orderOf = perEpoch((epoch) => shuffled(count, seed, epoch))
  return (draw: number): number[] =>
    Array.from({ length: size }, (_, index) => {
      const at = draw * size + index
      return orderOf(Math.floor(at / count))[at % count]!
    })
}
