/** @file Search by vector over whole indexes: filters, several segments, and segments that are damaged or lie. */
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { takeIn } from '../../test/fixtures/streamed.ts'
import { randomVector } from '../../test/fixtures/vectors.ts'
import { createRandom } from '../lib/random.ts'
import { decodeSegment, type Segment } from '../segment/decode.ts'
import { encodeSegment } from '../segment/encode.ts'
import { mergeSegments } from '../segment/merge.ts'
import { analyseQuery } from '../text/analyse.ts'
import { maskOf, type VectorEngine } from '../vector/engine.ts'
import { createPlainEngine } from '../vector/plain-engine.ts'
import { createWasmEngine } from '../vector/wasm-engine.ts'
import { fixtureManifest, fixtureRef, fixtureSegment } from './fixture.ts'
import { createIndexItems } from './item-source.ts'
import { buildIndex, type Index } from './load-index.ts'
import { createIndexSource } from './source.ts'
import { scoresOf, searchVector, vectorOf } from './vector.ts'

const DIM = 64
const module = loadKernels()
const random = createRandom(3)
let segments: Segment[]
let files: { items: Uint8Array; terms: Uint8Array }

beforeAll(async () => {
  const rows = (count: number, name: string) =>
    Array.from({ length: count }, (_, at) => ({
      id: `${name}${at}`,
      title: `item ${at}`,
      ...(at % 5 === 4 ? {} : { vector: randomVector(random, DIM) }),
    }))
  segments = [
    await fixtureSegment(rows(60, 'a'), { dim: DIM }),
    // Newer rows of ten of those, and some more.
    await fixtureSegment(rows(30, 'b'), { from: 51, version: 2, dim: DIM }),
  ]
  files = encodeSegment(mergeSegments([segments[0]!], () => true))
})

const indexOn = (engine: VectorEngine): Index =>
  buildIndex(fixtureManifest(segments.map(({ ref }) => ref)), segments, engine)
const query = fc.nat(1e6).map((seed) => randomVector(createRandom(seed), DIM))

describe('search by vector', () => {
  it('finds on the kernels what it finds in plain TypeScript, under any filter', () => {
    const [index, plain] = [indexOn(createWasmEngine(module)), indexOn(createPlainEngine())]
    fc.assert(
      fc.property(
        query,
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom(1, 2, 7, 1_000),
        (q, limit, every) => {
          const accept = (doc: number) => doc % every === 0
          const mask = maskOf(index.docCount, accept)
          const found = searchVector(index, q, limit, mask)
          expect(found).toEqual(searchVector(plain, q, limit, mask))
          const all = searchVector(plain, q, 1_000).filter(({ doc }) => accept(doc))
          expect(found).toEqual(all.slice(0, limit))
        },
      ),
      { seed: 31, numRuns: 60 },
    )
  })
  it('says of documents that are looked at anyway how near they are', () => {
    const [index, plain] = [indexOn(createWasmEngine(module)), indexOn(createPlainEngine())]
    fc.assert(
      fc.property(query, fc.uniqueArray(fc.nat(89)), (q, picks) => {
        const docs = picks.map((doc) => ({ doc }))
        const scores = scoresOf(index, q, docs)
        expect(scores.map((score) => score + 0)).toEqual(scoresOf(plain, q, docs))
        for (const { doc, score } of searchVector(index, q, 90)) {
          const at = picks.indexOf(doc)
          if (at >= 0) expect(scores[at]).toBe(score)
        }
        picks.forEach((doc, at) => {
          if (!vectorOf(index, doc)) expect(scores[at]).toBe(0)
        })
      }),
      { seed: 32, numRuns: 40 },
    )
  })
})

describe('what memory is too short for', () => {
  it.each([
    ['nothing', 90e6, []],
    ['codes', 2 * (640 + 512), ['vectors-estimated']],
    ['codes of one, and all of the other', 640 + 512, ['vectors-estimated', 'vectors-missing']],
  ])('%s: replies name it where they used vectors, and only there', async (_, bytesMax, names) => {
    const index = indexOn(createWasmEngine(module, { bytesMax, signsFromBytes: 1 }))
    const vector = randomVector(random, DIM)
    const asked = { filter: [], facets: [], offset: 0, limit: 5, terms: analyseQuery('item ') }
    const source = createIndexSource(index)
    const found = await source.retrieve({ ...asked, vector, vectorWeight: 0.5 })
    expect(found!.degraded).toEqual(names)
    expect((await source.retrieve({ ...asked, vector: null, vectorWeight: 0 }))!.degraded).toEqual([])
    const items = createIndexItems(index)
    expect(items.degraded()).toEqual([])
    items.near([vector], 5, { inStock: false, excluded: new Set() })
    expect(items.degraded()).toEqual(names)
    const vectors = createIndexItems(index)
    vectors.vector(0)
    expect(vectors.degraded()).toEqual(names)
  })
})

describe('a segment whose vectors moved into the engine', () => {
  const ref = () => fixtureRef('x', 60)
  it('keeps no view of its file, and answers as before', () => {
    const engine = createWasmEngine(module)
    const items = files.items.slice()
    const { segment, part } = takeIn({ items, terms: files.terms }, ref(), engine)
    const index = buildIndex(fixtureManifest([segment.ref]), [segment], engine, [part])
    const whole = vectorOf(index, 7)
    items.fill(0)
    expect(segment.text.title(7)).toBe('item 7')
    expect(segment.number[7]).toBe(8)
    expect(index.display(7)).toMatchObject({ id: 'a7', brand: '', category: [] })
    expect(vectorOf(index, 7)).toEqual(whole)
    expect(segment.bytes).toBe(files.items.length + files.terms.length - 60 * DIM)
    expect(segment.vectors).toHaveLength(0)
  })
  it('is refused or searched when its bytes are damaged or cut, however they come, and never harms', () => {
    let searched = 0
    const sizes = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        ...[fc.nat(), fc.nat(255), fc.boolean(), query, sizes],
        (position, value, isCut, q, pieces) => {
          const at = position % files.items.length
          const items = isCut ? files.items.slice(0, at) : files.items.with(at, value)
          const engine = createWasmEngine(module)
          const taken = catching(() => takeIn({ items, terms: files.terms }, ref(), engine, pieces))
          if (!taken) return
          searched++
          const { segment, part } = taken
          const index = buildIndex(fixtureManifest([segment.ref]), [segment], engine, [part])
          for (const { doc, score } of searchVector(index, q, 10)) {
            expect(doc).toBeLessThan(60)
            expect(score).not.toBeNaN()
          }
          for (let doc = 0; doc < 60; doc++) vectorOf(index, doc)
        },
      ),
      { seed: 33, numRuns: 300 },
    )
    expect(searched).toBeGreaterThan(30)
  })
  it('is refused when it claims 2³² rows', () => {
    const decoded = decodeSegment(files, fixtureRef('x', 2 ** 32))
    expect(decoded.ok).toBe(false)
    const engine = createWasmEngine(module)
    expect(() => takeIn(files, fixtureRef('x', 2 ** 32), engine)).toThrow('60 rows')
    expect(engine.state().usedBytes).toBe(0)
  })
})

/** Null where the bytes were refused. A broken invariant of ours is no refusal. */
function catching<T>(take: () => T): T | null {
  try {
    return take()
  } catch (error) {
    if (String(error).includes('Broken invariant')) throw error
    return null
  }
}
