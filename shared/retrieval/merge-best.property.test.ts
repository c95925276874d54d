import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mergeBest } from './merge-best.ts'

type Row = { number: number; score: number }
const inOrder = (a: Row, b: Row) => b.score - a.score || a.number - b.number
/** Few scores, so that many are equal. */
const row = fc.record({ number: fc.nat(30), score: fc.integer({ min: -2, max: 2 }) })
const list = fc.array(row, { maxLength: 12 }).map((rows) => rows.sort(inOrder))

it('gives what sorting everything would give', () => {
  fc.assert(
    fc.property(fc.array(list, { maxLength: 6 }), fc.nat(40), (lists, limit) => {
      const merged: Row[] = []
      const columns = lists.map((rows) => ({
        numbers: Uint32Array.from(rows, ({ number }) => number),
        scores: rows.map(({ score }) => score),
      }))
      mergeBest(columns, limit, (from, at) => {
        merged.push(lists[from]![at]!)
      })
      expect(merged).toEqual(lists.flat().sort(inOrder).slice(0, limit))
    }),
  )
})
