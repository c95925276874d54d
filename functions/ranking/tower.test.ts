import { describe, expect, it } from 'vitest'
import type { OrtSession } from './ort-session.ts'
import { createOnnxTower, recencyMean, userVector } from './tower.ts'

/** A session that answers with what `user` makes of the items. */
const sessionOf = (user: (items: Float32Array, shape: readonly number[]) => Float32Array): OrtSession => ({
  inputs: ['items'],
  outputs: ['user'],
  run: async ({ items }) => ({ user: user(items!.data as Float32Array, items!.shape) }),
  release: async () => {},
})
const [east, north] = [Float32Array.of(1, 0, 0, 0), Float32Array.of(0, 1, 0, 0)]
const last = sessionOf((items) => items.slice(-4))

describe('a user tower', () => {
  it('is shown the newest items that it has positions for', async () => {
    const shapes: (readonly number[])[] = []
    const session = sessionOf((items, shape) => {
      shapes.push(shape)
      return items.slice(0, 4)
    })
    const tower = createOnnxTower(session, { positions: 2 })
    expect(await tower.run([east, east, north, east])).toEqual(north)
    expect(await tower.run([east])).toEqual(east)
    expect(shapes).toEqual([
      [1, 2, 4],
      [1, 1, 4],
    ])
  })

  it('is refused when it was made for something else', () => {
    const ranker = { ...last, inputs: ['features'], outputs: ['score'] }
    expect(() => createOnnxTower(ranker, { positions: 2 })).toThrow(/inputs features/)
  })

  it.each([
    ['NaN', () => Float32Array.of(Number.NaN, 0, 0, 0)],
    ['a vector of another length', () => Float32Array.of(3, 4, 0, 0)],
    ['another number of numbers', () => Float32Array.of(1)],
    ['zeros', () => new Float32Array(4)],
  ])('that gives %s is not believed: the mean stands in', async (_what, user) => {
    const tower = createOnnxTower(sessionOf(user), { positions: 2 })
    expect(await userVector(tower, [east, north])).toEqual({
      vector: recencyMean([east, north]),
      hasFailed: true,
    })
  })

  it('may be missing', async () => {
    expect(await userVector(null, [north])).toEqual({ vector: north, hasFailed: false })
    expect(await userVector(createOnnxTower(last, { positions: 9 }), [east, north])).toEqual({
      vector: north,
      hasFailed: false,
    })
  })
})

describe('the mean by recency', () => {
  it('lies nearer to the newer of two items, at length 1', () => {
    const [x, y] = recencyMean([east, north])
    expect(y!).toBeGreaterThan(x!)
    expect(Math.hypot(x!, y!)).toBeCloseTo(1, 6)
  })
  it('is zero where items cancel out, and never NaN', () => {
    expect(recencyMean([new Float32Array(4)])).toEqual(new Float32Array(4))
  })
})
