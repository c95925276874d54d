/** @file What every source of candidates must do; run on the index of an isolate, on shards, and where vectors lie elsewhere. */
import { beforeAll, describe, expect, it } from 'vitest'
import { facetsOf } from '../../shared/retrieval/facets.ts'
import type { Found, Retrieval, Source } from '../../shared/retrieval/source.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { type Divided, type DividedRow, divideIndex } from '../fixtures/divided-index.ts'

const at = (degrees: number) =>
  Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180), 0, 0)

const SEGMENTS: DividedRow[][] = [
  [
    { number: 1, title: 'Red lamp', brand: 'Nord', price: 10, vector: at(0) },
    { number: 2, title: 'Blue lamp', brand: 'Sona', price: 20, vector: at(10) },
    { number: 3, title: 'Old chair', price: 30, vector: at(20) },
  ],
  [
    { number: 9, title: 'Table', price: 40, vector: at(90) },
    { number: 5, title: 'Sofa', brand: 'Nord', price: 50, vector: at(30) },
    { number: 4, title: 'Sofa', brand: 'Nord', price: 60, vector: at(30) },
    { number: 7, title: 'Lamp without a picture', price: 70, vector: null },
  ],
  [
    // A newer version that lies elsewhere, and one that was removed.
    { number: 3, version: 2, title: 'New chair', price: 30, vector: at(80) },
    { number: 2, version: 2 },
  ],
]

const base: Retrieval = {
  ...{ terms: [], vector: null, vectorWeight: 1, filter: [], facets: [], offset: 0, limit: 10 },
}
const near = (degrees: number): Retrieval => ({ ...base, vector: at(degrees) })
const words = (query: string): Retrieval => ({ ...base, terms: analyseQuery(query), vectorWeight: 0 })

/** @param open a source of this index, whose vectors are all where they belong */
export function sourceContract(name: string, open: (divided: Divided) => Promise<Source>): void {
  describe(`source: ${name}`, () => {
    let source: Source
    beforeAll(async () => {
      const divided = await divideIndex(SEGMENTS, [0, 1, 0])
      const model = { ...divided.manifest.model, trained: true }
      const manifest = { ...divided.manifest, model }
      source = await open({ ...divided, manifest, index: { ...divided.index, manifest } })
    })
    const retrieve = async (retrieval: Retrieval): Promise<Found> => {
      const found = await source.retrieve(retrieval)
      expect(found!.degraded).toEqual([])
      return found!
    }
    const numbers = async (retrieval: Retrieval) =>
      (await retrieve(retrieval)).items.map(({ number }) => number)

    it('finds what is near, nearest first, equal scores by item number', async () => {
      expect(await numbers({ ...near(29), limit: 3 })).toEqual([4, 5, 1])
      expect((await numbers(near(88))).slice(0, 2)).toEqual([9, 3])
    })
    it('gives the cosine as the score of vectors alone', async () => {
      const { items } = await retrieve({ ...near(60), limit: 1 })
      expect(items[0]!.score).toBeCloseTo(Math.cos((20 * Math.PI) / 180), 1)
    })
    it('shows the newest version of an item, and none that was removed', async () => {
      expect((await numbers(near(20))).indexOf(3)).toBeGreaterThan(2)
      expect(await numbers(near(10))).not.toContain(2)
      expect(await numbers(words('chair '))).toEqual([3])
    })
    it('finds words, with those that matched, whether there is a vector or not', async () => {
      const { items, total } = await retrieve(words('red lamp '))
      expect(items.map(({ number }) => number)).toEqual([1, 7])
      expect(items.map((item) => item.words)).toEqual([['red', 'lamp'], ['lamp']])
      expect(total).toBe(2)
    })
    it('mixes both by the weight', async () => {
      const mixed = { ...words('lamp '), vector: at(30), vectorWeight: 0.5 }
      const { items } = await retrieve(mixed)
      expect(items.map(({ number }) => number).slice(0, 2)).toEqual([1, 4])
      expect(items.map(({ number }) => number)).toContain(7)
      expect(items[0]!.words).toEqual(['lamp'])
      expect(items[1]!.words).toEqual([])
    })
    it('leaves out what a filter does not let through', async () => {
      const filter: Retrieval['filter'] = [{ kind: 'facet', name: 'brand', value: 'nord', negated: false }]
      expect((await numbers({ ...near(90), filter })).sort()).toEqual([1, 4, 5])
      expect(await numbers({ ...words('lamp '), filter })).toEqual([1])
    })
    it('counts all that matches, by words and by vectors, and not only the page', async () => {
      const one = { ...words('lamp '), facets: ['brand', 'price'] as const, limit: 1 }
      expect(facetsOf((await retrieve(one)).facets).brand).toEqual([{ value: 'Nord', count: 1 }])
      const { facets } = await retrieve({ ...one, vector: at(30), vectorWeight: 0.5 })
      expect(facetsOf(facets).brand).toEqual([{ value: 'Nord', count: 3 }])
      expect(facetsOf(facets).price!.reduce((sum, { count }) => sum + count, 0)).toBe(6)
    })
    it('gives pages that neither repeat nor lose an item', async () => {
      const whole = await numbers(near(0))
      const pages = await Promise.all([0, 2, 4].map((offset) => numbers({ ...near(0), offset, limit: 2 })))
      expect(pages.flat()).toEqual(whole.slice(0, 6))
    })
    it('gives items that can be shown as they are', async () => {
      const [item] = (await retrieve({ ...near(90), limit: 1 })).items
      expect(item!.display).toMatchObject({ id: 'i9', title: 'Table', price: 40, inStock: true })
    })
    it('finds nothing by vectors without one, and nothing by words that nothing has', async () => {
      expect(await retrieve(base)).toEqual({ items: [], total: 0, facets: {}, degraded: [] })
      expect(await numbers(words('zzzzzz '))).toEqual([])
    })
  })
}
