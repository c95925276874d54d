import fc from 'fast-check'
import { expect, it } from 'vitest'
import { planPacking } from './packing.ts'

const rowLength = 12
const packings = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: rowLength }), { minLength: 1, maxLength: 60 }),
  rows: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(),
  epochs: fc.integer({ min: 1, max: 3 }),
})
const batchesOf = (packing: ReturnType<typeof planPacking>) =>
  Array.from({ length: packing.batches }, (_, draw) => packing.batchAt(draw))

it('brings every history once an epoch, in the order of the epochs', () => {
  fc.assert(
    fc.property(packings, ({ lengths, ...options }) => {
      const order = batchesOf(planPacking(lengths, { ...options, rowLength })).flat()
      for (let epoch = 0; epoch < options.epochs; epoch++) {
        const part = order.slice(epoch * lengths.length, (epoch + 1) * lengths.length)
        expect(part.map(({ history }) => history).sort((a, b) => a - b)).toEqual([...lengths.keys()])
      }
      expect(order.length).toBe(options.epochs * lengths.length)
    }),
  )
})

it('lets no two histories meet, and none leave its row', () => {
  fc.assert(
    fc.property(packings, ({ lengths, ...options }) => {
      for (const placements of batchesOf(planPacking(lengths, { ...options, rowLength }))) {
        const taken = new Set<number>()
        for (const { history, row, from } of placements) {
          expect(row).toBeLessThan(options.rows)
          expect(from + lengths[history]!).toBeLessThanOrEqual(rowLength)
          for (let at = 0; at < lengths[history]!; at++) {
            const place = row * rowLength + from + at
            expect(taken.has(place)).toBe(false)
            taken.add(place)
          }
        }
      }
    }),
  )
})

it('gives the same batch for the same draw, whatever was asked for before', () => {
  fc.assert(
    fc.property(packings, fc.nat(), ({ lengths, ...options }, pick) => {
      const packing = planPacking(lengths, { ...options, rowLength })
      const draw = pick % packing.batches
      const expected = batchesOf(packing)[draw]
      expect(packing.batchAt(draw)).toEqual(expected)
    }),
  )
})
