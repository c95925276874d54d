import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../shared/lib/random.ts'
import { predict, type Trees } from '../../../shared/relevance/trees.ts'
import { boostLists } from './boost-lists.ts'

const settings = {
  ...{ count: 30, rate: 0.2, leaves: 6, leafRowsMin: 5, ridge: 1, rowShare: 0.8, featureShare: 1 },
}
const LISTS = 120
const SIZE = 6
/** In each list the row with the largest second feature is right; the first one is an offset of the list that says nothing. */
function table(seed: number) {
  const random = createRandom(seed)
  const rows: Float32Array[] = []
  const right: number[] = []
  for (let list = 0; list < LISTS; list++) {
    const offset = 10 * random()
    const own = Array.from({ length: SIZE }, () => Float32Array.of(offset, random(), random()))
    right.push(list * SIZE + own.reduce((best, row, at) => (row[1]! > own[best]![1]! ? at : best), 0))
    rows.push(...own)
  }
  const starts = Uint32Array.from({ length: LISTS + 1 }, (_, list) => list * SIZE)
  return { rows, lists: { starts, right: Uint32Array.from(right) } }
}
const { rows, lists } = table(1)

/** The loss that the equation of the file gives, a mean over the lists. */
function lossOf(trees: Trees, of = table(1)): number {
  const scores = of.rows.map((row) => predict(trees, row))
  let loss = 0
  of.lists.right.forEach((right, list) => {
    const own = scores.slice(list * SIZE, (list + 1) * SIZE)
    loss += Math.log(own.reduce((sum, score) => sum + Math.exp(score), 0)) - scores[right]!
  })
  return loss / LISTS
}

describe('boosting of lists', () => {
  const trees = boostLists(rows, lists, settings, 1)

  it('puts the right row first on lists that it has not seen', () => {
    const unseen = table(2)
    const scores = unseen.rows.map((row) => predict(trees, row))
    const first = [...unseen.lists.right].filter((right) => {
      const from = right - (right % SIZE)
      return scores.slice(from, from + SIZE).every((score) => score <= scores[right]!)
    })
    expect(first.length / LISTS).toBeGreaterThan(0.8)
    expect(lossOf(trees, unseen)).toBeLessThan(0.6 * Math.log(SIZE))
  })

  it('lowers the loss with each tree, when all rows are seen', () => {
    const whole = boostLists(rows, lists, { ...settings, rowShare: 1 }, 1)
    const losses = [...whole.trees.keys()].map((count) =>
      lossOf({ ...whole, trees: whole.trees.slice(0, count) }),
    )
    expect(losses[0]).toBeCloseTo(Math.log(SIZE), 6)
    losses.slice(1).forEach((loss, at) => {
      expect(loss).toBeLessThan(losses[at]!)
    })
  })

  it('is the same for the same seed', () => {
    expect(boostLists(rows, lists, settings, 1)).toEqual(trees)
    expect(boostLists(rows, lists, settings, 2)).not.toEqual(trees)
  })
})
