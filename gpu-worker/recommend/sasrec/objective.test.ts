import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../../shared/lib/random.ts'
import { backward } from '../../autodiff/backward.ts'
import { evaluate, type Tensor64 } from '../../autodiff/reference-evaluator.ts'
import type { Value } from '../../graph/builder.ts'
import { createGraph, type Graph } from '../../graph/ops.ts'
import { weightedMean } from '../../train/objectives/reduce.ts'
import { emitFullSoftmax } from './objective.ts'

const PLACES = 5
const ITEMS = 7
const HIDDEN = 3

/** Gradients in users and catalogue, after the loss. */
function run(
  emit: (
    g: Graph,
    v: Record<'users' | 'catalogue' | 'targets' | 'weights', Value>,
  ) => {
    loss: Value
    constants?: readonly Value[]
  },
): number[][] {
  const g = createGraph('loss')
  const random = createRandom(3)
  const draw = (shape: number[]): Tensor64 => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * gaussian(random)),
  })
  const feeds: Record<string, Tensor64> = {
    users: draw([PLACES, HIDDEN]),
    catalogue: draw([ITEMS, HIDDEN]),
    targets: { shape: [PLACES], data: Float64Array.of(0, 6, 2, 2, 0) },
    weights: { shape: [PLACES, 1], data: Float64Array.of(1, 1, 0.5, 0, 1) },
  }
  const users = g.input('users', 'f32', [PLACES, HIDDEN])
  const catalogue = g.input('catalogue', 'f32', [ITEMS, HIDDEN])
  const targets = g.input('targets', 'i64', [PLACES])
  const weights = g.input('weights', 'f32', [PLACES, 1])
  const { loss, constants = [] } = emit(g, { users, catalogue, targets, weights })
  const gradients = backward(g, loss, [users, catalogue], { constants })
  return evaluate(g, feeds, [loss, ...gradients]).map(({ data }) => [...data])
}

describe('the softmax over the whole catalogue', () => {
  it('has the value and the gradients that the rules give for a plain cross-entropy', () => {
    const found = run(emitFullSoftmax)
    const expected = run((g, { users, catalogue, targets, weights }) => {
      const logits = g.logSoftmax(g.matMulTransposed(users, catalogue))
      return {
        loss: weightedMean(g, g.neg(g.gatherColumns(logits, g.reshape(targets, [PLACES, 1]))), weights),
      }
    })
    found.forEach((values, at) => {
      values.forEach((value, index) => {
        expect(value).toBeCloseTo(expected[at]![index]!, 10)
      })
    })
  })
})
