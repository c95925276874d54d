/** @file Weights of hashed features, learnt by stochastic gradient descent. */

export type Adaptive = {
  weights: Float64Array
  /** Move the sum of these cells by `pull`, shared among them. */
  push(cells: Uint32Array, pull: number): void
}

export const WEIGHT_STEPS = 1_000

/**
 * Each weight has a step that shrinks as it moves, so that rare features learn fast and frequent ones settle.
 *
 * @param decay pull of every weight towards 0
 * Source: Duchi, Hazan, Singer, "Adaptive subgradient methods", JMLR 2011.
 */
export function createAdaptive(
  cellCount: number,
  { rate, decay }: { rate: number; decay: number },
): Adaptive {
  const weights = new Float64Array(cellCount)
  const squares = new Float64Array(cellCount).fill(1)
  return {
    weights,
    push(cells, pull) {
      const step = rate / Math.sqrt(cells.length)
      for (const cell of cells) {
        const gradient = pull - decay * weights[cell]!
        squares[cell]! += gradient * gradient
        weights[cell]! += (step * gradient) / Math.sqrt(squares[cell]!)
      }
    },
  }
}

export function sumOf(weights: ArrayLike<number>, cells: Uint32Array): number {
  let sum = 0
  for (const cell of cells) sum += weights[cell]!
  return sum
}

/** As they are kept: whole thousandths, which are short in JSON and the same on every platform. */
export const toThousandths = (weights: Float64Array): number[] =>
  Array.from(weights, (weight) => Math.round(weight * WEIGHT_STEPS) + 0)

export const sumOfThousandths = (weights: ArrayLike<number>, cells: Uint32Array): number =>
  sumOf(weights, cells) / WEIGHT_STEPS
