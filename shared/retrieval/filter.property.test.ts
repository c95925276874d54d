/** @file A filter passes what its conditions, each read from the document itself, all pass; kept or not. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isOpen } from '../vector/engine.ts'
import { type Condition, compileFilter, isOfFacts } from './filter.ts'
import { fixtureManifest, fixtureSegment } from './fixture.ts'
import { createIndexItems, passesOf } from './item-source.ts'
import { buildIndex, type Index } from './load-index.ts'

const item = fc.record({
  title: fc.constant('lamp'),
  brand: fc.constantFrom('', 'HP', 'Sony'),
  price: fc.constantFrom(null, 0, 5, 10, 10.5),
  stock: fc.constantFrom(null, 0, 1, 7),
})
const comparison = fc.constantFrom('<', '<=', '>', '>=', '=', '!=')
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.constant({ kind: 'in-stock' as const }),
  fc.record({
    kind: fc.constant('range' as const),
    field: fc.constantFrom('price', 'stock'),
    op: comparison,
    value: fc.constantFrom(-1, 0, 1, 5, 10, 11),
  }),
  fc.record({
    kind: fc.constant('facet' as const),
    name: fc.constant('brand'),
    value: fc.constantFrom('hp', 'Sony', 'Acer'),
    negated: fc.boolean(),
  }),
)

/** More than are kept, of two segments that meet within a word of bits. */
it('passes the same documents as its conditions one by one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { minLength: 1, maxLength: 40 }),
      fc.array(item, { minLength: 1, maxLength: 40 }),
      fc.array(fc.array(condition, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 40 }),
      async (first, second, filters) => {
        const withIds = (items: typeof first, from: number) =>
          items.map((one, at) => ({ ...one, id: `i${from + at}` }))
        const segments = [
          await fixtureSegment(withIds(first, 1), { from: 1 }),
          await fixtureSegment(withIds(second, 100), { from: 100 }),
        ]
        const index = buildIndex(fixtureManifest(segments.map(({ ref }) => ref)), segments)
        const docs = Array.from({ length: index.docCount }, (_, doc) => doc)
        for (const filter of [...filters, ...filters]) {
          const passing = docs.filter((doc) => filter.every((one) => passes(index, doc, one)))
          expect(docs.filter((doc) => isOpen(compileFilter(index, filter), doc))).toEqual(passing)
          const accept = passesOf(createIndexItems(index), filter)
          expect(docs.filter(accept)).toEqual(passing)
        }
      },
    ),
    { seed: 11, numRuns: 40 },
  )
})

function passes(index: Index, doc: number, one: Condition): boolean {
  if (one.kind === 'in-stock') return index.stock(doc) !== 0
  if (one.kind === 'facet')
    return (index.brand(doc).toLowerCase() === one.value.toLowerCase()) !== one.negated
  const value = one.field === 'price' ? index.price(doc) : index.stock(doc)
  if (Number.isNaN(value) || value < 0) return false
  const sign = Math.sign(value - one.value)
  return {
    '<': sign < 0,
    '<=': sign <= 0,
    '>': sign > 0,
    '>=': sign >= 0,
    '=': sign === 0,
    '!=': sign !== 0,
  }[one.op]
}

it('knows which conditions ask for facts, and which for attributes', () => {
  const facet = (name: string): Condition => ({ kind: 'facet', name, value: 'x', negated: false })
  expect([facet('Brand'), facet('CATEGORY')].map((one) => isOfFacts([one]))).toEqual([true, true])
  expect(isOfFacts([facet('brand'), facet('colour')])).toBe(false)
})
