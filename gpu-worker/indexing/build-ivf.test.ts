/** @file Inverted lists from segments: every vector once, centroids that are worth something, the same bytes for the same seed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandom, gaussian, type Random } from '../../shared/lib/random.ts'
import { fixtureSegment } from '../../shared/retrieval/fixture.ts'
import type { Segment } from '../../shared/segment/decode.ts'
import { decodeIvfHead, nearestLists, rangeOf, scanList } from '../../shared/vector/ivf.ts'
import { buildIvf, listCountFor } from './build-ivf.ts'
import { trainCentroids } from './kmeans.ts'
import { type NearestCentroid, openNearestCentroid } from './nearest-centroid.ts'

const DIM = 16
const CLUSTERS = 20

const around = (random: Random, centre: Float32Array, noise: number) =>
  unit(centre.map((x) => x + noise * gaussian(random)))
const unit = (vector: Float32Array) => vector.map((x) => x / Math.hypot(...vector))
const centresOf = (random: Random) =>
  Array.from({ length: CLUSTERS }, () => unit(Float32Array.from({ length: DIM }, () => gaussian(random))))

async function shop(): Promise<{ segments: Segment[]; query: Float32Array }> {
  const random = createRandom(11)
  const centres = centresOf(random)
  const items = Array.from({ length: 600 }, (_, at) => ({
    id: `i${at}`,
    title: 'x',
    ...(at % 50 === 7 ? {} : { vector: around(random, centres[at % CLUSTERS]!, 0.08) }),
  }))
  const segments = [
    await fixtureSegment(items.slice(0, 400), { dim: DIM }),
    await fixtureSegment(items.slice(400), { from: 401, dim: DIM }),
    await fixtureSegment([{ number: 1, removed: true }], { version: 2, dim: DIM }),
  ]
  return { segments, query: around(random, centres[3]!, 0.05) }
}
const isNewest = ({ number, version }: Segment, row: number) => number[row] !== 1 || version[row] === 2

describe('buildIvf', () => {
  it('puts every vector that the index shows into one list, and finds nearly all neighbours in few', async () => {
    const { segments, query } = await shop()
    const files = (await buildIvf(segments, DIM, isNewest, { threads: 1, seed: 1, listCount: 24 }))!
    const head = decodeIvfHead(files.head, files.lists.length)
    if (!head.ok) throw new Error(head.error.reason)
    const read = (list: number) => {
      const { offset, length } = rangeOf(head.value, list)
      const scanned = scanList(head.value, list, files.lists.slice(offset, offset + length), query)
      if (!scanned.ok) throw new Error(scanned.error.reason)
      return scanned.value
    }
    const all = Array.from({ length: head.value.listCount }, (_, list) => list).flatMap(read)
    expect(all.length).toBe(600 - 12 - 1)
    expect(new Set(all.map(({ number }) => number)).size).toBe(all.length)
    expect(all.map(({ number }) => number)).not.toContain(1)
    const best = all.toSorted((a, b) => b.cosine - a.cosine).slice(0, 10)
    const probed = new Set(
      nearestLists(head.value, query, 4)
        .flatMap(read)
        .map(({ number }) => number),
    )
    expect(best.filter(({ number }) => probed.has(number)).length).toBeGreaterThanOrEqual(9)
  })
  it('gives the same bytes for the same seed', async () => {
    const { segments } = await shop()
    const options = { threads: 1, seed: 9, listCount: 8 }
    const build = () => buildIvf(segments, DIM, isNewest, options)
    expect(await build()).toEqual(await build())
  })
  it('is nothing for an index without vectors, and has no more lists than vectors', async () => {
    const bare = await fixtureSegment([{ id: 'a', title: 'A' }], { dim: DIM })
    expect(await buildIvf([bare], DIM, () => true, { threads: 1, seed: 1 })).toBeNull()
    const random = createRandom(1)
    const vector = centresOf(random)[0]!
    const one = await fixtureSegment([{ id: 'a', title: 'A', vector }], { dim: DIM })
    expect(await buildIvf([one], DIM, () => true, { threads: 1, seed: 1, listCount: 99 })).not.toBeNull()
  })
  it('takes more lists for more vectors, up to a bound', () => {
    expect([100, 100_000, 1_000_000, 1e9].map(listCountFor)).toEqual([32, 1_024, 4_096, 4_096])
  })
})

describe('k-means', () => {
  let nearest: NearestCentroid
  beforeAll(async () => {
    nearest = await openNearestCentroid(DIM, CLUSTERS, 1)
  })
  afterAll(() => nearest.close())

  it('finds for each vector the centroid of the largest product', async () => {
    const random = createRandom(2)
    const rows = (count: number) => Float32Array.from({ length: count * DIM }, () => gaussian(random))
    const [vectors, centroids] = [rows(50), rows(CLUSTERS)]
    const { centroid, cosine } = await nearest.find(vectors, centroids)
    for (let row = 0; row < 50; row++) {
      const products = Array.from({ length: CLUSTERS }, (_, list) => {
        let sum = 0
        for (let i = 0; i < DIM; i++) sum += vectors[row * DIM + i]! * centroids[list * DIM + i]!
        return sum
      })
      expect(centroid[row]).toBe(products.indexOf(Math.max(...products)))
      expect(cosine[row]).toBeCloseTo(Math.max(...products), 4)
    }
  })
  it('learns directions of unit length that fit better with each round', async () => {
    const random = createRandom(4)
    const centres = centresOf(random)
    const vectors = new Float32Array(400 * DIM)
    for (let row = 0; row < 400; row++) vectors.set(around(random, centres[row % CLUSTERS]!, 0.1), row * DIM)
    const fits: number[] = []
    for (const rounds of [1, 2, 4, 8]) {
      const centroids = await trainCentroids(vectors, nearest, {
        ...{ listCount: CLUSTERS, dim: DIM, rounds, seed: 6 },
      })
      for (let list = 0; list < CLUSTERS; list++)
        expect(Math.hypot(...centroids.subarray(list * DIM, (list + 1) * DIM))).toBeCloseTo(1, 5)
      const { cosine } = await nearest.find(vectors, centroids)
      fits.push(cosine.reduce((sum, one) => sum + one, 0) / 400)
    }
    expect(fits).toEqual(fits.toSorted((a, b) => a - b))
    expect(fits.at(-1)).toBeGreaterThan(0.85)
  })
  it('starts an empty cluster again where the others fit worst', async () => {
    // All alike but one: all but one of the centroids begin in the same place, and the lowest of equals takes all.
    const vectors = new Float32Array(CLUSTERS * DIM)
    for (let row = 0; row < CLUSTERS; row++) vectors[row * DIM] = 1
    vectors[(CLUSTERS - 1) * DIM] = 0
    vectors[(CLUSTERS - 1) * DIM + 1] = 1
    const centroids = await trainCentroids(vectors, nearest, {
      ...{ listCount: CLUSTERS, dim: DIM, rounds: 3, seed: 1 },
    })
    expect(centroids.every(Number.isFinite)).toBe(true)
    const { cosine } = await nearest.find(vectors, centroids)
    expect(Math.min(...cosine)).toBeCloseTo(1, 5)
  })
})
