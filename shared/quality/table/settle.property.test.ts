import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../lib/random.ts'
import { judgeTable } from './judge.ts'
import { applyRepairs, settle } from './settle.ts'
import { createTable, type Table, valueAt } from './table.ts'

const rowsOf = (table: Table): string[][] =>
  Array.from({ length: table.rowCount }, (_, row) => table.columns.map((column) => valueAt(column, row)))

/** Columns that depend on each other, with every kind of error between them. */
const dirtyTable = fc
  .record({ seed: fc.nat(), rows: fc.integer({ min: 0, max: 80 }), errors: fc.nat(40) })
  .map(({ seed, rows, errors }) => {
    const random = createRandom(seed)
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!
    const towns = ['Hamburg', 'Bremen', 'Kassel']
    const cells = Array.from({ length: rows }, (_, at) => {
      const town = pick(towns)
      return [String(at), town, `Land ${town}`, `${town}-${at}`, pick(['12 oz', '12', '16'])]
    })
    const wrong = [
      '',
      'N/A',
      'Hamburh',
      'HAMBURG',
      ' Bremen',
      'Bremen HH',
      'Land Kassel',
      '12 oz.',
      '1.234,56',
      '#REF!',
      'Ã¼',
    ]
    if (rows > 0) for (let n = 0; n < errors; n++) pick(cells)[Math.floor(random() * 5)] = pick(wrong)
    return createTable(['id', 'town', 'land', 'code', 'size'], cells)
  })

describe('repairs', () => {
  it('put in twice are as put in once', () => {
    fc.assert(
      fc.property(dirtyTable, (table) => {
        const once = settle(table, new Map())
        expect(rowsOf(settle(once, new Map()))).toEqual(rowsOf(once))
      }),
      { numRuns: 60, seed: 1 },
    )
  })

  it('never propose what stands there, and are all that changes', () => {
    fc.assert(
      fc.property(dirtyTable, (table) => {
        const { suspects } = judgeTable(table, new Map())
        for (const { value, repair } of suspects) expect(repair).not.toBe(value)
        const repaired = rowsOf(applyRepairs(table, suspects))
        const touched = new Set(
          suspects.flatMap(({ row, column, repair }) => (repair === undefined ? [] : [`${row} ${column}`])),
        )
        rowsOf(table).forEach((fields, row) => {
          fields.forEach((value, column) => {
            if (!touched.has(`${row} ${column}`)) expect(repaired[row]![column]).toBe(value)
          })
        })
      }),
      { numRuns: 60, seed: 2 },
    )
  })
})
