import * as arrow from '@uwdata/flechette'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { encodeSegmentV1 } from '../../test/fixtures/segment-v1.ts'
import { takeIn } from '../../test/fixtures/streamed.ts'
import { createRandom } from '../lib/random.ts'
import { sha256Hex } from '../lib/sha256.ts'
import { fixtureRef, fixtureSegment } from '../retrieval/fixture.ts'
import { createPlainEngine } from '../vector/plain-engine.ts'
import { dequantise } from '../vector/quantise.ts'
import { createWasmEngine } from '../vector/wasm-engine.ts'
import { decodeSegment, type Segment, verifyBlob } from './decode.ts'
import { encodeSegment } from './encode.ts'
import { mergeSegments, rowOf } from './merge.ts'
import { findNear, siftTerms } from './near-terms.ts'

const item = fc.record({
  id: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
  title: fc.constantFrom('red shoe', 'blue shoe', '蓝牙音箱', 'USB-C cable 2m', 'hp 301 ink'),
  brand: fc.constantFrom('', 'HP', 'Sony'),
  category: fc.array(fc.constantFrom('A', 'B & C', '家电'), { maxLength: 3 }),
  price: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
  stock: fc.option(fc.nat(1000)),
  attributes: fc.dictionary(fc.constantFrom('colour', 'size'), fc.constantFrom('red', 'XL')),
  vector: fc.option(fc.constant(Float32Array.of(0.5, -0.5, 0.1, 0)), { nil: undefined as never }),
})
const items = fc
  .array(item, { minLength: 1, maxLength: 12 })
  .map((rows) => rows.map((row, i) => ({ ...row, id: `${row.id}${i}` })))

describe('a segment', () => {
  it('comes back from its bytes as it went in', async () => {
    await fc.assert(
      fc.asyncProperty(items, async (rows) => {
        const segment = await fixtureSegment(rows)
        rows.forEach((row, at) => {
          const { id, title, brand, category, price, stock, live } = rowOf(segment, at)
          expect({ id, title, brand, category, price, stock, live }).toEqual({
            ...{ id: row.id, title: row.title, brand: row.brand, category: row.category },
            ...{ price: row.price, stock: row.stock, live: true },
          })
        })
      }),
      { seed: 3, numRuns: 40 },
    )
  })

  it('has the vectors of its rows where it says, behind all other columns', async () => {
    await fc.assert(
      fc.asyncProperty(items, async (rows) => {
        const { items: file, terms } = encodeSegment(mergeSegments([await fixtureSegment(rows)], () => true))
        const decoded = decodeSegment({ items: file, terms }, fixtureRef('s', rows.length))
        if (!decoded.ok) throw new Error(decoded.error.reason)
        const { vectors, vectorOffset, vectorScale, number, facets } = decoded.value
        expect(file.subarray(vectorOffset, vectorOffset + vectors.length)).toEqual(vectors)
        for (const column of [vectorScale, number, facets.brand.codes])
          expect(column.byteOffset - file.byteOffset + column.byteLength).toBeLessThanOrEqual(vectorOffset)
      }),
      { seed: 4, numRuns: 20 },
    )
  })

  it('taken in by pieces of any size, cut anywhere, is what it is as a whole, also where columns follow the vectors', async () => {
    const random = createRandom(6)
    const kernels = loadKernels()
    const sizes = fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(
        ...[items, sizes, fc.constantFrom(4, 64, 68), fc.boolean(), fc.boolean()],
        async (list, pieces, dim, isOld, isPlain) => {
          const rows = list.map(({ vector, ...row }) => ({
            ...row,
            ...(vector && { vector: Float32Array.from({ length: dim }, () => random() - 0.5) }),
          }))
          const files = encodeSegment(mergeSegments([await fixtureSegment(rows, { dim })], () => true))
          if (isOld) files.items = withScalesLast(files.items)
          const ref = fixtureRef('s', rows.length)
          const whole = decodeSegment(files, ref)
          if (!whole.ok) throw new Error(whole.error.reason)
          const engine = isPlain ? createPlainEngine() : createWasmEngine(kernels)
          const { segment, part } = takeIn(files, ref, engine, pieces)
          expect(segment.vectorOffset).toBe(whole.value.vectorOffset)
          expect(segment.dim).toBe(dim)
          expect([...segment.vectorScale]).toEqual([...whole.value.vectorScale])
          rows.forEach((_, row) => {
            const { vector, ...shown } = rowOf(whole.value, row)
            expect(rowOf(segment, row)).toMatchObject(shown)
            const placed = engine.vectorOf(part, row)
            expect(placed).toEqual(vector && dequantise(vector.codes, 0, dim, vector.scale))
          })
          readAll(segment)
        },
      ),
      { seed: 5, numRuns: 60 },
    )
  })

  it('merged from two equals one made of both, term by term', async () => {
    const all = ['red shoe', 'blue shoe', 'red hat', '蓝牙音箱'].map((title, i) => ({ id: `i${i}`, title }))
    const whole = await fixtureSegment(all)
    const parts = [await fixtureSegment(all.slice(0, 2)), await fixtureSegment(all.slice(2), { from: 3 })]
    const merged = decodeSegment(encodeSegment(mergeSegments(parts, () => true)), fixtureRef('m', 4))
    if (!merged.ok) throw new Error(merged.error.reason)
    expect(merged.value.terms.count).toBe(whole.terms.count)
    for (let at = 0; at < whole.terms.count; at++) {
      expect(merged.value.terms.term(at)).toBe(whole.terms.term(at))
      expect(merged.value.terms.postings(at)).toEqual(whole.terms.postings(at))
    }
    expect([...merged.value.number]).toEqual([...whole.number])
  })

  it('drops the rows that a merge does not keep', async () => {
    const segment = await fixtureSegment([
      { id: 'a', title: 'red' },
      { id: 'b', title: 'blue' },
    ])
    const merged = mergeSegments([segment], (_, row) => row === 1)
    expect(merged.rows.map(({ id }) => id)).toEqual(['b'])
    expect(merged.postings.has('red')).toBe(false)
  })
})

describe.each([
  ['this version', encodeSegment],
  ['version 1', encodeSegmentV1],
])('damaged bytes of %s', (_, encode) => {
  it('are an error, or a segment whose terms and rows can all be read: never a throw, never a row out of range', async () => {
    const segment = await fixtureSegment(
      Array.from({ length: 200 }, (_, i) => ({ id: `i${i}`, title: i % 2 ? 'red shoe' : 'blue shoe' })),
    )
    const files = encode(mergeSegments([segment], () => true))
    const ref = fixtureRef('x', 200)
    expect(decodeSegment(files, ref).ok).toBe(true)
    fc.assert(
      fc.property(
        fc.constantFrom('items' as const, 'terms' as const, 'terms' as const),
        fc.nat(),
        fc.nat(255),
        fc.integer({ min: 0, max: 9 }),
        (which, position, value, cut) => {
          const damaged = { items: files.items.slice(), terms: files.terms.slice() }
          const at = position % damaged[which].length
          if (cut === 0) damaged[which] = damaged[which].slice(0, at)
          else damaged[which][at] = value
          const decoded = decodeSegment(damaged, ref)
          if (decoded.ok) readAll(decoded.value)
          else expect(decoded.error.kind).toBe('corrupt')
        },
      ),
      { seed: 4, numRuns: 300 },
    )
    expect(decodeSegment({ items: files.items.subarray(0, 100), terms: files.terms }, ref).ok).toBe(false)
    expect(decodeSegment({ items: new Uint8Array(), terms: new Uint8Array() }, ref).ok).toBe(false)
    expect(decodeSegment(files, fixtureRef('x', 201)).ok).toBe(false)
  })
})

/** An items file as older writers made it. */
function withScalesLast(items: Uint8Array): Uint8Array {
  const table = arrow.tableFromIPC(items)
  const names = table.names.filter((name) => name !== 'vector_scale')
  return arrow.tableToIPC(table.select([...names, 'vector_scale']), { format: 'file' })!
}

function readAll({ terms, rows: rowCount }: Segment): void {
  for (let at = 0; at < terms.count; at++) {
    const { rows, weights } = terms.postings(at)
    if (rows.length !== terms.df(at)) throw new Error(`term ${at} has ${rows.length} rows`)
    rows.forEach((row, i) => {
      if (row >= rowCount || (i > 0 && row <= rows[i - 1]!) || weights[i] === 0)
        throw new Error(`term ${at} has row ${row} behind ${rows[i - 1]}, weight ${weights[i]}`)
    })
    terms.find(terms.term(at))
  }
  findNear(siftTerms(terms), 'shoes', 2, (at) => terms.term(at))
}

describe('bytes', () => {
  it('fail the check against the manifest', async () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const blob = { key: 'k', bytes: 3, sha256: await sha256Hex(bytes) }
    expect(await verifyBlob(bytes, blob)).toBe(true)
    expect(await verifyBlob(Uint8Array.of(1, 2, 4), blob)).toBe(false)
    expect(await verifyBlob(Uint8Array.of(1, 2), blob)).toBe(false)
  })
})
