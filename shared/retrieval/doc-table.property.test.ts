import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDocTable } from './doc-table.ts'

/** Near to each other, as they are given, and far apart, as a shard has them. */
const number = fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 2 ** 32 - 1 }))

it('answers as a map does, full and empty, for numbers that it has and has not', () => {
  fc.assert(
    fc.property(fc.array(number, { maxLength: 60 }), fc.array(number), (numbers, others) => {
      const table = createDocTable(numbers.length, (doc) => numbers[doc]!)
      const map = new Map<number, number>()
      for (const [doc, one] of numbers.entries()) {
        table.set(one, doc)
        map.set(one, doc)
      }
      for (const one of [...numbers, ...others, -1, 0.5, 2 ** 32, Number.NaN])
        expect(table.get(one)).toBe(map.get(one))
      expect([...table.docs()].sort()).toEqual([...map.values()].sort())
    }),
    { seed: 51 },
  )
})
