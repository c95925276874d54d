/** @file Rules that learn: each on a catalogue in which it has something to learn, and on one in which it has not. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Item } from '../../schema/item.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import { CATALOGUE_RULES, judgeByLearnt, startLearning } from '../catalogue-rules.ts'
import { createFrequent, hashText } from './frequent.ts'

const item = (patch: Partial<Item> & { id?: string } = {}) =>
  Item.parse({ id: 'a', title: 'Desk lamp', ...patch })
const many = (count: number, of: (at: number) => Partial<Item>) =>
  Array.from({ length: count }, (_, at) => item({ id: `i${at}`, ...of(at) }))
const learn = (items: readonly Item[], rules?: readonly CatalogueRule[]) => {
  const learning = startLearning(rules)
  for (const one of items) learning.see(one)
  return learning.learn()
}
const judge = (items: readonly Item[], one: Item) => judgeByLearnt(learn(items), one)
const rulesOf = (items: readonly Item[], one: Item) => judge(items, one).map(({ rule }) => rule)

describe('attributes that siblings have', () => {
  const category = ['Home', 'Lamps']
  const lamps = (count: number, having: number) =>
    many(count, (at) => ({ category, attributes: at < having ? { watts: '5' } : { colour: 'red' } }))
  it('are missed where four in five of at least twenty have them', () => {
    const [found] = judge(lamps(20, 16), item({ category }))
    expect(found).toMatchObject({ rule: 'missing-attribute', field: 'attributes.watts' })
    expect(found!.evidence).toBe('80 % of 20 items of "Home > Lamps" have it')
  })
  it.each([
    ['where fewer have them', lamps(20, 15), item({ category })],
    ['where there are few siblings', lamps(19, 19), item({ category })],
    ['where the item has them', lamps(20, 20), item({ category, attributes: { watts: '9' } })],
    ['without a category', many(50, () => ({ attributes: { watts: '5' } })), item()],
  ])('are not missed %s', (_name, items, one) => {
    expect(rulesOf(items, one)).toEqual([])
  })
  it('are those of the level above where a category is small', () => {
    const one = item({ category: ['Home', 'Candles'] })
    expect(rulesOf(lamps(30, 30), one)).toEqual(['missing-attribute'])
  })
})

describe('one currency', () => {
  const priced = (euros: number, dollars: number) =>
    many(euros + dollars, (at) => ({ price: 5, currency: at < euros ? 'EUR' : 'USD' }))
  it('is missed and missing where nearly all prices have it', () => {
    expect(rulesOf(priced(95, 5), item({ price: 5, currency: 'USD' }))).toEqual(['unusual-currency'])
    const [found] = judge(priced(100, 0), item({ price: 5 }))
    expect(found).toMatchObject({ rule: 'missing-currency', repair: { value: 'EUR' } })
    expect(found!.repair!.confidence).toBeCloseTo(100 / 101)
  })
  it('is no matter where a shop has several, or few prices, or no price', () => {
    expect(rulesOf(priced(94, 6), item({ price: 5, currency: 'USD' }))).toEqual([])
    expect(rulesOf(priced(19, 0), item({ price: 5, currency: 'USD' }))).toEqual([])
    expect(rulesOf(priced(100, 0), item())).toEqual([])
  })
})

describe('one unit', () => {
  const sized = (...values: string[]) =>
    many(values.length, (at) => ({ category: ['Lamps'], attributes: { height: values[at]! } }))
  const tall = sized(...Array.from({ length: 12 }, (_, at) => `${at + 10} cm`))
  const one = (height: string) => item({ category: ['Lamps'], attributes: { height } })
  it.each([
    ['150 mm', '15 cm'],
    ['1.5 m', '150 cm'],
    ['12 in', '30.48 cm'],
    ['1,5m', '150 cm'],
  ])('is converted to: %s', (given, repaired) => {
    expect(judge(tall, one(given))).toMatchObject([{ rule: 'unusual-unit', repair: { value: repaired } }])
  })
  it('of another kind cannot be', () => {
    const [found] = judge(tall, one('15 kg'))
    expect([found!.rule, found!.repair]).toEqual(['wrong-unit', undefined])
  })
  it.each(['15 cm', '15', 'tall', '1,500 mm', '15 parsec'])('says nothing of %s', (given) => {
    expect(rulesOf(tall, one(given))).toEqual([])
  })
  it('is none where values differ, or are few', () => {
    expect(
      rulesOf(
        sized('1 cm', '1 cm', '1 cm', '2 mm', '2 mm', '3 m', '4 cm', '5 cm', '6 mm', '7 cm'),
        one('1 m'),
      ),
    ).toEqual([])
    expect(rulesOf(tall.slice(0, 9), one('1 m'))).toEqual([])
  })
})

describe('one language and one script', () => {
  const english = 'This lamp is made for the desk and it has an arm of steel that you can turn.'
  const german = 'Die Lampe ist für den Schreibtisch und mit einem Arm aus Stahl, der sich drehen lässt.'
  it('make another one stand out', () => {
    const items = many(60, () => ({ description: english }))
    expect(rulesOf(items, item({ title: 'Настольная лампа', description: german })).sort()).toEqual([
      'description-language',
      'title-script',
    ])
    expect(rulesOf(items, item({ description: english }))).not.toContain('description-language')
  })
  it('do not, where there are several', () => {
    const items = many(60, (at) => ({
      title: at % 5 ? 'Desk lamp' : 'Настольная лампа',
      description: at % 5 ? english : german,
    }))
    expect(rulesOf(items, item({ title: 'Настольная лампа', description: german }))).not.toContain(
      'title-script',
    )
  })
})

describe('an image on many items', () => {
  const image = 'https://a.de/logo.jpg'
  it('from five on shows none of them', () => {
    expect(
      rulesOf(
        many(5, () => ({ image })),
        item({ image }),
      ),
    ).toEqual(['shared-image'])
    expect(
      rulesOf(
        many(4, () => ({ image })),
        item({ image }),
      ),
    ).toEqual([])
  })
  it('may be of variants', () => {
    expect(
      rulesOf(
        many(9, () => ({ image, variantOf: 'b' })),
        item({ image }),
      ),
    ).toEqual([])
    expect(
      rulesOf(
        many(9, () => ({ image })),
        item({ image, variantOf: 'b' }),
      ),
    ).toEqual([])
  })
})

describe('sentences that stand everywhere', () => {
  const common = 'We ship within two days to all of Europe.'
  const items = many(20, (at) => ({ description: `${common} Lamp number ${at} of our own design, by hand.` }))
  it('make a description of nothing else boilerplate', () => {
    const [found] = judge(items, item({ description: `${common} Blue.` }))
    expect(found).toMatchObject({ rule: 'boilerplate-description', repair: { value: 'Blue.' } })
  })
  it('are no matter beside as much of its own', () => {
    expect(
      rulesOf(
        items,
        item({ description: `${common} This one has an arm of brushed steel and a heavy foot.` }),
      ),
    ).toEqual([])
    expect(rulesOf(items.slice(1), item({ description: common }))).toEqual([])
  })
})

describe('learning', () => {
  it('is plain JSON, and what is judged by it is the same after a trip through JSON', () => {
    const items = many(60, (at) => ({
      ...{ category: ['Lamps'], price: 5, currency: 'EUR', image: 'https://a.de/x.jpg' },
      ...{ attributes: { height: `${at} cm` }, description: 'We ship within two days to all of Europe.' },
    }))
    const learnt = learn(items)
    const one = item({
      category: ['Lamps'],
      price: 1,
      image: 'https://a.de/x.jpg',
      description: 'We ship within two days to all of Europe.',
    })
    expect(judgeByLearnt(JSON.parse(JSON.stringify(learnt)), one)).toEqual(judgeByLearnt(learnt, one))
    expect(judgeByLearnt(learnt, one).length).toBeGreaterThan(3)
  })
  it('from nothing leaves nothing to say', () => {
    expect(rulesOf([], item({ price: 1, image: 'https://a.de/x.jpg' }))).toEqual([])
  })
  it.each(['start', 'see', 'learn', 'judge'] as const)('goes on when a rule throws in %s', (where) => {
    const fail = (at: string) => {
      if (at === where) throw new Error('of its own')
    }
    const broken: CatalogueRule = {
      name: 'broken',
      start() {
        fail('start')
        return { see: () => fail('see'), learn: () => fail('learn') }
      },
      judge() {
        fail('judge')
        return []
      },
    }
    const rules = [broken, ...CATALOGUE_RULES]
    const learnt = learn(
      many(100, () => ({ price: 5, currency: 'EUR' })),
      rules,
    )
    const found = judgeByLearnt(learnt, item({ price: 5 }), rules).map(({ rule }) => rule)
    expect(found).toContain('missing-currency')
    if (where === 'judge') expect(found).toContain('rule-failed')
    else expect(learnt.failed).toEqual({ broken: 'of its own' })
  })
})

describe('counting in bounded memory', () => {
  it('keeps what comes often among any number of other keys', () => {
    const frequent = createFrequent<string>(100)
    for (let at = 0; at < 5_000; at++) {
      frequent.add(`rare ${at}`)
      if (at % 10 === 0) frequent.add('often')
    }
    const [most] = frequent.most(100, 5)
    expect(most![0]).toBe('often')
    expect(most![1]).toBeLessThanOrEqual(500)
  })
  it('counts exactly while it need not forget', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c')), (keys) => {
        const frequent = createFrequent<string>(3)
        for (const key of keys) frequent.add(key)
        for (const [key, count] of frequent.most(1, 3))
          expect(count).toBe(keys.filter((one) => one === key).length)
      }),
    )
  })
  it('hashes different texts apart', () => {
    const hashes = new Set(Array.from({ length: 100_000 }, (_, at) => hashText(`sentence ${at}`)))
    expect(hashes.size).toBe(100_000)
  })
})
