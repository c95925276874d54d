import fc from 'fast-check'
import { expect, it } from 'vitest'
import { clusterVectors } from './cluster.ts'

const DIM = 8
const unit = fc
  .array(fc.integer({ min: -50, max: 50 }), { minLength: DIM, maxLength: DIM })
  .filter((numbers) => numbers.some((x) => x !== 0))
  .map((numbers) => {
    const norm = Math.hypot(...numbers)
    return Float32Array.from(numbers, (x) => x / norm)
  })
const seeds = fc.array(fc.record({ vector: unit, weight: fc.double({ min: 0.01, max: 3, noNaN: true }) }), {
  maxLength: 16,
})

it('puts every vector into one group, makes no more groups than allowed, and none that is empty', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 4 }), (vectors, groupsMax) => {
      const groups = clusterVectors(vectors, groupsMax)
      expect(groups.flat().sort((a, b) => a - b)).toEqual(vectors.map((_, i) => i))
      expect(groups.length).toBeLessThanOrEqual(groupsMax)
      expect(groups.every((group) => group.length > 0)).toBe(true)
    }),
    { seed: 8, numRuns: 300 },
  )
})

it('finds tastes that are far apart, and makes one of those that are alike', () => {
  const near = (axis: number, n: number) => {
    const vector = Float32Array.from({ length: DIM }, (_, i) => (i === axis ? 1 : ((n * 7 + i) % 5) / 50))
    const norm = Math.hypot(...vector)
    return { vector: vector.map((x) => x / norm), weight: 1 / (n + 1) }
  }
  const of = (...axes: number[]) => axes.map(near)
  expect(clusterVectors(of(0, 0, 0, 0), 4)).toEqual([[0, 1, 2, 3]])
  expect(clusterVectors(of(0, 3, 0, 3), 4)).toEqual([
    [0, 2],
    [1, 3],
  ])
  expect(clusterVectors(of(0, 1, 2, 3, 0, 1, 2, 3), 4).map((group) => group.length)).toEqual([2, 2, 2, 2])
  expect(clusterVectors(of(0, 1, 2, 3, 4, 5), 4).length).toBeLessThanOrEqual(4)
})
