/** @file Vectors that come in pieces, do not fit, and come back: what is searched is always what was given. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { makeVectors, randomVector } from '../../test/fixtures/vectors.ts'
import { createRandom } from '../lib/random.ts'
import { maskOf, type VectorEngine, type VectorPart, type VectorRows } from './engine.ts'
import { createWasmEngine } from './wasm-engine.ts'

const module = loadKernels()
/** More than one slice, and the last one not full. */
const ROWS = 9_000
const DIM = 64
const CODE_BYTES = Math.ceil(ROWS / 32) * 32 * DIM
const BASIC_BYTES = 10 * Math.ceil(ROWS / 32) * 32 + CODE_BYTES / 8
const given = makeVectors('clusters', ROWS, DIM, 1)
const other = makeVectors('clusters', ROWS, DIM, 2)
const query = randomVector(createRandom(1), DIM)
const open = (bytesMax: number) => createWasmEngine(module, { bytesMax, signsFromBytes: 1 })
/** What a part answers once its signs are made, which the first searches do. */
function search(engine: VectorEngine, part: VectorPart) {
  const targets = [{ part, base: 0, mask: maskOf(part.rows, () => true) }]
  for (let slice = 0; slice < 2; slice++) engine.search(targets, query, 20)
  return engine.search(targets, query, 20)
}
const whole = createWasmEngine(module, { signsFromBytes: 1 })
const EXACT = search(whole, whole.place(given))
const tight = open(BASIC_BYTES)
const ESTIMATED = search(tight, tight.place(given))

/** @returns slices that were given */
function giveAll(engine: VectorEngine, part: VectorPart, { codes, dim }: VectorRows): number {
  let slices = 0
  for (let range = engine.wanted(part); range; range = engine.wanted(part), slices++)
    engine.give(part, range.from, codes.subarray(range.from * dim, range.to * dim))
  return slices
}

describe('vectors in pieces', () => {
  it('cut anywhere are those that came whole, for rows with and without padding', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 })
    const shapes = { rows: fc.integer({ min: 1, max: 70 }), dim: fc.constantFrom(4, 60, 64, 68, 128) }
    fc.assert(
      fc.property(sizes, shapes.rows, shapes.dim, fc.boolean(), (pieces, rows, dim, fits) => {
        const vectors = makeVectors('gaps', rows, dim, 3)
        const bytesMax = fits ? 1e6 : 10 * 96 + (96 * 128) / 8
        const [one, two] = [open(bytesMax), open(bytesMax)]
        const expected = one.place(vectors)
        const part = two.reserve(rows, dim)
        for (let from = 0, at = 0; from < rows * dim; at++) {
          const piece = vectors.codes.slice(from, from + pieces[at % pieces.length]!)
          two.write(part, from, piece)
          from += piece.length
        }
        expect(two.vectorOf(part, 0)).toBeNull()
        two.complete(part, vectors)
        giveAll(two, part, vectors)
        for (let row = 0; row < rows; row++)
          expect(two.vectorOf(part, row)).toEqual(one.vectorOf(expected, row))
        expect(two.state()).toMatchObject({ estimatedRows: one.state().estimatedRows })
      }),
      { seed: 7, numRuns: 60 },
    )
  })
  it('find nothing before all are there, and those of a part that was released are let go', () => {
    const engine = open(1e7)
    const part = engine.reserve(ROWS, DIM)
    engine.write(part, 0, given.codes.subarray(0, 1_000))
    expect(search(engine, part)).toEqual([])
    expect(engine.shortfall(part)).toBeNull()
    engine.release(part)
    const { usedBytes } = engine.state()
    engine.write(part, 1_000, given.codes.subarray(1_000))
    engine.complete(part, given)
    expect(engine.wanted(part)).toBeNull()
    expect(search(engine, part)).toEqual([])
    expect(engine.state()).toMatchObject({ usedBytes, missingRows: 0 })
  })
  it('that do not fit are asked for by slices, and searched by signs once all were given', () => {
    const engine = open(BASIC_BYTES)
    const part = engine.reserve(ROWS, DIM)
    // A mean is taken of one row in eight: pieces begin in rows, between rows, and where no such row is.
    for (let from = 0; from < ROWS * DIM; from += 777)
      engine.write(part, from, given.codes.subarray(from, from + 777))
    engine.complete(part, given)
    expect(search(engine, part)).toEqual([])
    expect(giveAll(engine, part, given)).toBe(2)
    expect(engine.shortfall(part)).toBe('estimated')
    expect(search(engine, part)).toEqual(ESTIMATED)
  })
})

describe('codes that were given up', () => {
  const tightWith = (rows: VectorRows) => {
    const engine = open(2 * BASIC_BYTES + CODE_BYTES)
    const part = engine.place(given)
    const newer = engine.place(rows)
    return { engine, part, newer }
  }
  it('come back when there is room; until the last slice the part answers by estimates, and by codes from then on', () => {
    const { engine, part, newer } = tightWith(other)
    // Of two alike the one that was there keeps its codes.
    expect(engine.shortfall(newer)).toBe('estimated')
    expect(engine.regain(newer, other)).toBe(false)
    const estimated = search(engine, newer)
    engine.release(part)
    expect(engine.regain(newer, other)).toBe(true)
    const { from, to } = engine.wanted(newer)!
    engine.give(newer, from, other.codes.subarray(0, to * DIM))
    expect(search(engine, newer)).toEqual(estimated)
    // The same once more, from a request that was taken for dead.
    engine.give(newer, from, other.codes.subarray(0, to * DIM))
    expect(giveAll(engine, newer, other)).toBe(1)
    expect(engine.shortfall(newer)).toBeNull()
    expect(engine.regain(newer, other)).toBe(false)
    const exact = createWasmEngine(module, { signsFromBytes: 1 })
    expect(search(engine, newer)).toEqual(search(exact, exact.place(other)))
  })
  it('are not asked for where they can never fit, and give way again before anything in use', () => {
    const engine = open(2 * BASIC_BYTES)
    const part = engine.place(given)
    expect(engine.regain(part, given)).toBe(false)
    engine.limit(BASIC_BYTES + CODE_BYTES)
    expect(engine.regain(part, given)).toBe(true)
    engine.give(part, 0, given.codes.subarray(0, engine.wanted(part)!.to * DIM))
    engine.limit(2 * BASIC_BYTES)
    expect(engine.wanted(part)).toBeNull()
    expect(search(engine, part)).toEqual(ESTIMATED)
    engine.release(part)
    expect(engine.state().estimatedRows).toBe(0)
  })
  it('and rows for which there was no room at all: signs first, then codes', () => {
    const engine = open(BASIC_BYTES - 1)
    const part = engine.place(given)
    expect(engine.shortfall(part)).toBe('missing')
    expect(engine.regain(part, given)).toBe(false)
    engine.limit(BASIC_BYTES)
    expect(engine.regain(part, given)).toBe(true)
    expect(search(engine, part)).toEqual([])
    giveAll(engine, part, given)
    expect(search(engine, part)).toEqual(ESTIMATED)
    engine.limit(BASIC_BYTES + CODE_BYTES)
    expect(engine.regain(part, given)).toBe(true)
    giveAll(engine, part, given)
    expect(search(engine, part)).toEqual(EXACT)
    expect(engine.state()).toMatchObject({ estimatedRows: 0, missingRows: 0 })
  })
  it('of a small part, which has no signs, come back too', () => {
    const engine = createWasmEngine(module, { bytesMax: 1_000 })
    const small = makeVectors('random', 40, DIM, 4)
    const part = engine.place(small)
    expect(engine.shortfall(part)).toBe('missing')
    engine.limit(100_000)
    expect(engine.regain(part, small)).toBe(true)
    giveAll(engine, part, small)
    expect(search(engine, part)).toHaveLength(20)
    expect(engine.shortfall(part)).toBeNull()
  })
})
