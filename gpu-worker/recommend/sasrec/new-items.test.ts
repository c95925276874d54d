import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NextItemModel } from '../next-item.ts'
import { shorteningOf } from './new-items.ts'

const ITEMS = 40
const modelOf = (table: readonly (readonly number[])[]): NextItemModel => ({
  score: async (histories) => histories.map((_, at) => Float32Array.from(table[at]!)),
})
const tables = fc.array(
  fc.array(fc.float({ min: Math.fround(0.01), max: 1, noNaN: true }), { minLength: ITEMS, maxLength: ITEMS }),
  { minLength: 1, maxLength: 8 },
)
const isNew = Array.from({ length: ITEMS }, (_, item) => item % 4 === 0)
const placesOfNew = (table: readonly (readonly number[])[], factor: number) =>
  table
    .map((scores) =>
      scores.map((score, item) => ({ isNew: isNew[item]!, score: isNew[item] ? factor * score : score })),
    )
    .reduce((sum, scores) => {
      const tenth = scores
        .filter((one) => !one.isNew)
        .map(({ score }) => score)
        .sort((a, b) => b - a)[9]!
      return sum + scores.filter((one) => one.isNew && one.score > tenth).length
    }, 0)

describe('the room of items without events', () => {
  it('is never more than their share, and they are shortened no further than that', async () => {
    await fc.assert(
      fc.asyncProperty(tables, fc.double({ min: 0, max: 1, noNaN: true }), async (table, share) => {
        const histories = table.map(() => new Uint32Array())
        const factor = await shorteningOf(modelOf(table), { isNew, histories, share })
        const places = Math.floor(share * 10 * table.length)
        expect(placesOfNew(table, factor * (1 - 1e-6))).toBeLessThanOrEqual(places)
        if (factor < 1) expect(placesOfNew(table, factor * (1 + 1e-6))).toBeGreaterThan(places)
      }),
    )
  })
  it('is all that they take where that is less', async () => {
    const table = [Array.from({ length: ITEMS }, (_, item) => (isNew[item] ? 0.1 : 0.5))]
    expect(await shorteningOf(modelOf(table), { isNew, histories: [new Uint32Array()], share: 0 })).toBe(1)
  })
})
