/** @file What the engine does about its memory: budget, retired parts, hostile numbers. */
import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { makeVectors, randomVector } from '../../test/fixtures/vectors.ts'
import { createRandom } from '../lib/random.ts'
import { maskOf, type VectorEngine, type VectorPart } from './engine.ts'
import { DIM_MAX } from './quantise.ts'
import { createWasmEngine } from './wasm-engine.ts'

const DIM = 64
const ROWS = 4_000
const CODE_BYTES = ROWS * DIM
const module = loadKernels()
const query = randomVector(createRandom(1), DIM)
const rows = (seed: number, count = ROWS) => makeVectors('clusters', count, DIM, seed)
const target = (part: VectorPart, base = 0) => ({ part, base, mask: maskOf(part.rows, () => true) })
const docs = (engine: VectorEngine, part: VectorPart, limit = 20) =>
  engine.search([target(part)], query, limit).map(({ doc }) => doc)

describe('the budget', () => {
  // Arrays by row take 10 bytes a row, signs an eighth of the codes.
  const withoutCodes = 10 * ROWS + CODE_BYTES / 8
  it('keeps signs of everything and codes of what fits, smaller parts first', () => {
    const engine = createWasmEngine(module, { bytesMax: 2 * withoutCodes + CODE_BYTES, signsFromBytes: 1 })
    const large = engine.place(rows(1))
    expect(engine.state().estimatedRows).toBe(0)
    const small = engine.place(rows(2, ROWS / 2))
    expect(engine.state()).toMatchObject({ estimatedRows: ROWS, missingRows: 0 })
    expect(docs(engine, large).length).toBe(20)
    expect(docs(engine, small).length).toBe(20)
  })
  it('estimates from signs what is near and how near, and a vector that points the same way', () => {
    const whole = createWasmEngine(module)
    const part = whole.place(rows(1))
    const tight = createWasmEngine(module, { bytesMax: withoutCodes, signsFromBytes: 1 })
    const estimated = tight.place(rows(1))
    const best = new Set(docs(whole, part, 200))
    const found = tight.search([target(estimated)], query, 200)
    expect(found.filter(({ doc }) => best.has(doc)).length).toBeGreaterThan(100)
    const scores = whole.scoresOf(
      part,
      found.map(({ doc }) => doc),
      query,
    )
    const error = found.reduce((sum, { score }, i) => sum + Math.abs(score - scores[i]!), 0) / found.length
    const mean = scores.reduce((sum, score) => sum + Math.abs(score), 0) / found.length
    expect(error).toBeLessThan(mean / 2)
    const [vector, estimate] = [whole.vectorOf(part, 7)!, tight.vectorOf(estimated, 7)!]
    const cosine =
      vector.reduce((sum, x, i) => sum + x * estimate[i]!, 0) /
      (Math.hypot(...vector) * Math.hypot(...estimate))
    expect(cosine).toBeGreaterThan(0.75)
  })
  it('gives up retired parts before anything that is in use', () => {
    const engine = createWasmEngine(module, { bytesMax: 2 * (withoutCodes + CODE_BYTES), signsFromBytes: 1 })
    const [old, kept] = [engine.place(rows(1)), engine.place(rows(2))]
    engine.retire(old)
    expect(docs(engine, old).length).toBe(20)
    const next = engine.place(rows(3))
    expect(docs(engine, old)).toEqual([])
    expect(engine.vectorOf(old, 0)).toBeNull()
    expect(engine.state()).toMatchObject({ estimatedRows: 0, missingRows: 0 })
    expect(docs(engine, kept).length + docs(engine, next).length).toBe(40)
  })
  it('leaves out what does not fit at all, and says so', () => {
    const engine = createWasmEngine(module, { bytesMax: 1_000 })
    const part = engine.place(rows(1))
    expect(docs(engine, part)).toEqual([])
    expect([...engine.scoresOf(part, [1, 2], query)]).toEqual([0, 0])
    expect(engine.state().missingRows).toBe(ROWS)
  })
  it('uses freed room again: a hundred swaps take no more memory than ten', () => {
    const engine = createWasmEngine(module, { signsFromBytes: 1 })
    const held = [0, 1, 2].map((seed) => rows(seed, ROWS - 500 * seed))
    let part = engine.place(held[0]!)
    const sizes: number[] = []
    for (let swap = 1; swap <= 100; swap++) {
      const next = engine.place(held[swap % 3]!)
      engine.release(part)
      part = next
      sizes.push(engine.state().residentBytes)
    }
    expect(sizes.at(-1)).toBe(sizes[10])
  })
})

describe('hostile numbers', () => {
  it('in a scale make the row one without a vector', () => {
    const engine = createWasmEngine(module)
    const bad = rows(1, 8)
    bad.scales.set([Number.NaN, Number.POSITIVE_INFINITY, -1, 0])
    const part = engine.place(bad)
    expect([0, 1, 2, 3].map((row) => engine.vectorOf(part, row))).toEqual([null, null, null, null])
    expect([...engine.scoresOf(part, [0, 1, 2, 3], query)]).toEqual([0, 0, 0, 0])
  })
  it('in a query find nothing', () => {
    const engine = createWasmEngine(module)
    const part = engine.place(rows(1, 8))
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = query.with(3, bad)
      expect(engine.search([target(part)], broken, 5)).toEqual([])
      expect([...engine.scoresOf(part, [0], broken)]).toEqual([0])
    }
  })
  it('of another dimension find nothing; the zero query finds all alike, by number', () => {
    const engine = createWasmEngine(module)
    const held = rows(1, 8)
    const part = engine.place(held)
    expect(engine.search([target(part)], new Float32Array(32).fill(1), 5)).toEqual([])
    const byNumber = [...held.numbers.keys()].sort((a, b) => held.numbers[a]! - held.numbers[b]!)
    const found = engine.search([target(part)], new Float32Array(DIM), 5)
    expect(found.map(({ doc }) => doc)).toEqual(byNumber.slice(0, 5))
  })
  it('of rows, lengths and dimensions are refused before a kernel sees them', () => {
    const engine = createWasmEngine(module)
    const held = rows(1, 8)
    const part = engine.place(held)
    expect(() => engine.scoresOf(part, [8], query)).toThrow('out of range')
    expect(() => engine.scoresOf(part, [-1], query)).toThrow('out of range')
    expect(engine.vectorOf(part, 1e9)).toBeNull()
    expect(() => engine.place({ ...held, codes: held.codes.subarray(1) })).toThrow('different lengths')
    expect(() => engine.place({ ...held, dim: DIM_MAX + 1 })).toThrow('components')
    // A mask with bits beyond the last row, and one that is too short.
    const wide = { part, base: 0, mask: new Uint32Array(4).fill(0xffffffff) }
    expect(engine.search([wide], query, 100).length).toBe(8)
    expect(engine.search([{ part, base: 0, mask: new Uint32Array() }], query, 100)).toEqual([])
  })
})
