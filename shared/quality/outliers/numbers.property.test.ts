import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../lib/random.ts'
import { Item } from '../../schema/item.ts'
import { numberOutliers } from './numbers.ts'

/** Cables and laptops, with prices, weights and counts around what each kind has. */
function shop(count: number, seed = 1): Item[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, at) => {
    const isCable = at % 2 === 0
    const spread = (middle: number) => Math.round(1_000 * middle * Math.exp(0.15 * gaussian(random))) / 1_000
    return Item.parse({
      id: `item ${at}`,
      title: isCable ? `USB cable ${1 + (at % 5)} m` : `Laptop ${13 + (at % 3)} inch`,
      brand: 'Acme',
      category: isCable ? ['Accessories', 'Cables'] : ['Computers', 'Laptops'],
      price: spread(isCable ? 8 : 900),
      currency: 'EUR',
      attributes: { weight: spread(isCable ? 60 : 1_800), ports: isCable ? 2 : 4 },
    })
  })
}
const learn = (items: readonly Item[]) => {
  const learner = numberOutliers.start()
  for (const item of items) learner.see(item)
  return learner.learn()
}
const SHOP = shop(600)
const LEARNT = learn(SHOP)
const cable = SHOP[0]!
const rulesOf = (item: Item) => numberOutliers.judge(LEARNT, item).map(({ rule }) => rule)

const anyItem = fc.record({
  id: fc.string({ minLength: 1, maxLength: 20 }),
  title: fc.oneof(
    fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }),
    fc.constantFrom('USB cable', 'Laptop'),
  ),
  description: fc.string(),
  brand: fc.string(),
  category: fc.array(fc.string({ minLength: 1 }), { maxLength: 3 }),
  price: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1e9, noNaN: true })),
  currency: fc.constantFrom(null, 'EUR'),
  stock: fc.constant(null),
  attributes: fc.dictionary(
    fc.constantFrom('weight', 'ports', '__proto__', 'constructor', 'x'),
    fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.array(fc.string())),
  ),
  image: fc.constant(''),
  url: fc.constant(''),
}) as fc.Arbitrary<Item>

describe('numbers far from those of like items', () => {
  it('finds nothing in an ordinary shop beyond the stated share', () => {
    const found = SHOP.flatMap((item) => numberOutliers.judge(LEARNT, item))
    expect(found.length).toBeLessThanOrEqual(9)
  })

  it('finds a lost decimal point in a price, with what it was', () => {
    const [found, ...others] = numberOutliers.judge(LEARNT, { ...cable, price: cable.price! * 100 })
    expect(others).toEqual([])
    expect(found).toMatchObject({ rule: 'price-slip', field: 'price', repair: { value: cable.price } })
    expect(found!.repair!.confidence).toBeGreaterThan(0.8)
  })

  it('finds kilograms among grams', () => {
    const weight = (cable.attributes['weight'] as number) / 1_000
    const [found] = numberOutliers.judge(LEARNT, { ...cable, attributes: { weight } })
    expect(found).toMatchObject({ rule: 'attribute-slip', field: 'attributes.weight' })
    expect(found!.repair!.value).toBeCloseTo(weight * 1_000, 6)
  })

  it('tells a price that no factor explains, and mends nothing', () => {
    expect(rulesOf({ ...cable, price: cable.price! * 1e6 })).toEqual(['unusual-price'])
  })

  it('judges by kind, not by the whole shop: the price of a laptop is none for a cable', () => {
    expect(rulesOf({ ...cable, price: 900 })).toHaveLength(1)
    expect(rulesOf({ ...SHOP[1]!, price: 900 })).toEqual([])
  })

  it('is silent where it has too few siblings', () => {
    const few = learn(SHOP.slice(0, 20))
    expect(numberOutliers.judge(few, { ...cable, price: 1e8 })).toEqual([])
  })
})

describe('laws', () => {
  it('never throws, whatever the item, and applying a repair leaves its field in peace', () => {
    fc.assert(
      fc.property(anyItem, (item) => {
        for (const { field, repair } of numberOutliers.judge(LEARNT, item)) {
          if (repair === undefined) continue
          const value = repair.value as number
          const mended =
            field === 'price'
              ? { ...item, price: value }
              : { ...item, attributes: { ...item.attributes, [field.slice('attributes.'.length)]: value } }
          expect(numberOutliers.judge(LEARNT, mended).filter((found) => found.field === field)).toEqual([])
        }
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  it('other units of money change no verdict', () => {
    const wild = SHOP.map((item, at) => ({ ...item, price: item.price! * [1, 10, 100, 3_000][at % 4]! }))
    const verdicts = (factor: number) => {
      const items = wild.map((item) => ({ ...item, price: item.price * factor }))
      const learnt = learn(items)
      return items.map((item) =>
        numberOutliers.judge(learnt, item).map(({ rule, field }) => `${rule} ${field}`),
      )
    }
    const expected = verdicts(1)
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (factor) => {
        expect(verdicts(factor)).toEqual(expected)
      }),
      { seed: 2, numRuns: 4 },
    )
  })

  it('what is learnt survives a trip through JSON', () => {
    const copy = JSON.parse(JSON.stringify(LEARNT)) as typeof LEARNT
    expect(copy).toEqual(LEARNT)
    for (const item of SHOP.slice(0, 50)) {
      const odd = { ...item, price: item.price! * 1_000 }
      expect(numberOutliers.judge(copy, odd)).toEqual(numberOutliers.judge(LEARNT, odd))
    }
  })

  it('a judgment depends neither on the items judged before nor on the order of attributes', () => {
    const odd = shop(60, 9).map((item, at) => ({ ...item, price: item.price! * 10 ** (at % 5) }))
    const forth = odd.map((item) => numberOutliers.judge(LEARNT, item))
    const back = odd
      .toReversed()
      .map((item) => {
        const attributes = Object.fromEntries(Object.entries(item.attributes).toReversed())
        return numberOutliers.judge(LEARNT, { ...item, attributes })
      })
      .toReversed()
    expect(back.map((list) => list.length)).toEqual(forth.map((list) => list.length))
  })
})
