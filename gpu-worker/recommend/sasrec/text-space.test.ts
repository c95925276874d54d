import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../../shared/lib/random.ts'
import { dot } from '../../../shared/vector/dot.ts'
import { textVectors } from './text-space.ts'
import { type Vectors, whiten } from './vectors.ts'

const shop = [
  ...['red cotton shirt', 'blue cotton shirt', 'green cotton shirt', 'white cotton shirt long'].map(
    (title) => ({
      title,
      labels: ['Acme', 'Clothes'],
    }),
  ),
  ...['steel frying pan', 'steel sauce pan', 'steel frying pan large', 'copper frying pan'].map((title) => ({
    title,
    labels: ['Bolt', 'Kitchen'],
  })),
  { title: '', labels: [] },
]
const rowsOf = ({ size, data }: Vectors) =>
  Array.from({ length: data.length / size }, (_, row) => data.slice(row * size, (row + 1) * size))
const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

describe('the space of texts', () => {
  const vectors = textVectors(shop, { size: 4, seed: 1 })
  const rows = rowsOf(vectors)

  it('lays items with the same words near each other', () => {
    expect(cosine(rows[0]!, rows[1]!)).toBeGreaterThan(0.9)
    expect(cosine(rows[0]!, rows[4]!)).toBeLessThan(0.2)
  })
  it('has zeros for an item that says nothing, and no numbers where no two items share a word', () => {
    expect(rows[8]).toEqual(new Float32Array(4))
    expect(
      textVectors(
        [
          { title: 'a b', labels: [] },
          { title: '', labels: [] },
        ],
        { size: 4, seed: 1 },
      ).size,
    ).toBe(0)
  })
  it('is the same for the same seed', () => {
    expect(textVectors(shop, { size: 4, seed: 1 })).toEqual(vectors)
  })
})

it('whitened vectors have mean 0 and are uncorrelated, with lengths near 1', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 30, max: 60 }), (seed, rows) => {
      const random = createRandom(seed)
      const given = Array.from({ length: rows }, () => {
        const [a, b, c] = [gaussian(random), gaussian(random), gaussian(random)]
        return [5 + a, 3 * a + b, 0.5 * (a + b + c)]
      })
      const { data } = whiten({ size: 3, data: Float32Array.from(given.flat()) })
      for (let i = 0; i < 3; i++) {
        let mean = 0
        for (let row = 0; row < rows; row++) mean += data[row * 3 + i]! / rows
        expect(mean).toBeCloseTo(0, 4)
        for (let j = 0; j <= i; j++) {
          let covariance = 0
          for (let row = 0; row < rows; row++)
            covariance += (3 * data[row * 3 + i]! * data[row * 3 + j]!) / rows
          expect(Math.abs(covariance - Number(i === j))).toBeLessThan(0.15)
        }
      }
    }),
    { numRuns: 50 },
  )
})

it('whitens vectors that are all alike to zeros', () => {
  expect(whiten({ size: 2, data: Float32Array.of(1, 2, 1, 2, 1, 2) }).data).toEqual(new Float32Array(6))
})
