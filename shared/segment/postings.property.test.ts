import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLOCK_ROWS, checkPackedList, encodePostings, PADDING_BYTES, PostingCursor } from './postings.ts'

/** Lists of all densities, from gaps of 1 to gaps of hundreds of millions. */
const list = fc
  .tuple(
    fc.constantFrom(0, 1, 7, 1_000, 100_000_000),
    fc.constantFrom(1, 3, 15, 90, 255),
    fc.nat(400),
    fc.nat(),
  )
  .map(([gapMax, weightMax, count, seed]) => {
    const rows: number[] = []
    const weights: number[] = []
    let state = seed
    const next = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1
      return state
    }
    for (let i = 0, row = next() % 5; i < count && row < 2 ** 31; i++, row += 1 + (next() % (gapMax + 1))) {
      rows.push(row)
      weights.push(1 + (next() % weightMax))
    }
    return { rows, weights }
  })

const viewOf = (bytes: Uint8Array): DataView => {
  const padded = new Uint8Array(bytes.length + PADDING_BYTES).fill(255)
  padded.set(bytes)
  return new DataView(padded.buffer)
}

/** All of a list, block by block; the bytes of df lie before the first block. */
function read(bytes: Uint8Array, count: number) {
  const cursor = new PostingCursor()
  let from = 0
  while (bytes[from]! > 127) from++
  cursor.open({ packed: viewOf(bytes) }, from + 1, count)
  const rows: number[] = []
  const weights: number[] = []
  const blockMaxima: number[] = []
  for (; cursor.count > 0; cursor.nextBlock()) {
    const own = cursor.readWeights().subarray(0, cursor.count)
    rows.push(...cursor.rows.subarray(0, cursor.count))
    weights.push(...own)
    blockMaxima.push(cursor.weightMax)
  }
  return { rows, weights, blockMaxima }
}

describe('a packed posting list', () => {
  it('comes back as it went in, with the largest weight of every block', () => {
    fc.assert(
      fc.property(list, (postings) => {
        const bytes = encodePostings(postings)
        const rowCount = (postings.rows.at(-1) ?? 0) + 1
        expect(checkPackedList(viewOf(bytes), 0, bytes.length, rowCount)).toBe(postings.rows.length)
        const { blockMaxima, ...whole } = read(bytes, postings.rows.length)
        expect(whole).toEqual(postings)
        expect(blockMaxima).toEqual(
          blockMaxima.map((_, at) =>
            Math.max(...postings.weights.slice(at * BLOCK_ROWS, (at + 1) * BLOCK_ROWS)),
          ),
        )
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  it('takes less than a third of plain arrays where a word is frequent', () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => i * 4 + (i % 3))
    const bytes = encodePostings({ rows, weights: rows.map((row) => 1 + (row % 16)) })
    expect(bytes.length).toBeLessThan((5 * rows.length) / 3)
  })

  it('is refused when it names a row that does not exist', () => {
    const bytes = encodePostings({ rows: [3, 9], weights: [1, 1] })
    expect(() => checkPackedList(viewOf(bytes), 0, bytes.length, 9)).toThrow('row that does not exist')
  })

  it('damaged, is refused or reads as ascending rows that exist', () => {
    fc.assert(
      fc.property(list, fc.nat(), fc.nat(255), fc.boolean(), (postings, position, value, isCut) => {
        const bytes = encodePostings(postings)
        const rowCount = (postings.rows.at(-1) ?? 0) + 1
        const damaged = isCut ? bytes.slice(0, position % bytes.length) : bytes.slice()
        if (!isCut) damaged[position % bytes.length] = value
        let df: number
        try {
          df = checkPackedList(viewOf(damaged), 0, damaged.length, rowCount)
        } catch {
          return
        }
        const { rows, weights } = read(damaged, df)
        expect(rows.length).toBe(df)
        expect(rows.every((row, at) => row > (rows[at - 1] ?? -1) && row < rowCount)).toBe(true)
        expect(weights.every((weight) => weight > 0)).toBe(true)
      }),
      { seed: 2, numRuns: 1_000 },
    )
  })
})
