import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../lib/random.ts'
import { type Finding, Item } from '../../schema/item.ts'
import { IMPUTE_RULES } from './rules.ts'
import { traitOfAttribute } from './traits.ts'

const KINDS = [
  { noun: 'desk lamp', category: ['Home', 'Lighting'], volts: 230 },
  { noun: 'reading lamp', category: ['Home', 'Lighting'], volts: 230 },
  { noun: 'garden hose', category: ['Garden', 'Watering'], volts: null },
  { noun: 'office chair', category: ['Office', 'Seating'], volts: null },
]
const BRANDS = ['Arvo', 'Blenko', 'Corvex', 'Dinsdale']
const COLOURS = ['Black', 'Red', 'Sky Blue', 'White']

function shop(count: number): Item[] {
  const random = createRandom(3)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  return Array.from({ length: count }, (_, at) => {
    const { noun, category, volts } = pick(KINDS)
    const [brand, colour] = [pick(BRANDS), pick(COLOURS)]
    return Item.parse({
      ...{
        id: `item ${at}`,
        title: `${brand} ${noun} ${1 + Math.floor(random() * 9)}00, ${colour}`,
        brand,
        category,
      },
      attributes: { product_colour: colour, ...(volts === null ? {} : { volts }) },
    })
  })
}
const learners = IMPUTE_RULES.map((rule) => rule.start())
for (const item of shop(500)) for (const learner of learners) learner.see(item)
const LEARNT = learners.map((learner) => learner.learn())
const judge = (item: Item, learnt: readonly unknown[] = LEARNT): Finding[] =>
  IMPUTE_RULES.flatMap((rule, at) => rule.judge(learnt[at], item))
const repairs = (item: Item) =>
  Object.fromEntries(judge(item).map(({ field, repair }) => [field, repair!.value]))
const bare = (title: string, rest: Partial<Item> = {}): Item => ({
  ...Item.parse({ id: 'new', title }),
  ...rest,
})

const applied = (item: Item, { field, repair }: Finding): Item =>
  field.startsWith('attributes.')
    ? {
        ...item,
        attributes: { ...item.attributes, [field.slice('attributes.'.length)]: repair!.value as string },
      }
    : { ...item, [field]: repair!.value }

const anyItem = fc
  .record({
    title: fc.oneof(
      fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }),
      fc
        .array(fc.constantFrom(...BRANDS, ...COLOURS, 'desk', 'lamp', 'garden hose', 'for', '红色'), {
          minLength: 1,
          maxLength: 9,
        })
        .map((words) => words.join(' ')),
    ),
    brand: fc.constantFrom('', 'Arvo', '__proto__'),
    category: fc.constantFrom<string[]>([], ['Home', 'Lighting'], ['constructor']),
    description: fc.string({ maxLength: 80 }),
    attributes: fc.dictionary(
      fc.constantFrom('product_colour', 'volts', '__proto__', 'size', 'x'),
      fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.array(fc.string())),
    ),
  })
  .map((fields): Item => ({ ...Item.parse({ id: 'any', title: 'x' }), ...fields }))

describe('what an item lacks', () => {
  it('is told from its words and its siblings', () => {
    expect(repairs(bare('Arvo desk lamp 300, Sky Blue'))).toMatchObject({
      ...{ brand: 'Arvo', category: ['Home', 'Lighting'] },
      'attributes.product_colour': 'Sky Blue',
    })
    expect(repairs(bare('Lamp', { brand: 'Arvo', category: ['Home', 'Lighting'] }))).toMatchObject({
      'attributes.volts': 230,
    })
  })

  it('knows colours of other languages by the word that the shop uses', () => {
    expect(repairs(bare('Arvo desk lamp 300, schwarz'))['attributes.product_colour']).toBe('Black')
  })

  it('is not made up where nothing is known of such items', () => {
    expect(repairs(bare('qwertz uiop'))).not.toHaveProperty('brand')
    expect(IMPUTE_RULES.flatMap((rule) => rule.judge(rule.start().learn(), bare('Arvo desk lamp')))).toEqual(
      [],
    )
  })

  it('is read from attributes that hold the trait and no other', () => {
    for (const name of ['colour', 'product_colour', 'Farbe', '颜色', 'Main Color'])
      expect(traitOfAttribute(name)).toBe('colour')
    for (const name of ['number_of_colours', 'cable_colour', 'brand', 'print_colour_mode', 'resize'])
      expect(traitOfAttribute(name)).toBeNull()
    expect(traitOfAttribute('Größe')).toBe('size')
  })
})

describe('laws', () => {
  it('no rule throws, none touches what the shop said, and each is silent once its repair is made', () => {
    fc.assert(
      fc.property(anyItem, (item) => {
        for (const found of judge(item)) {
          expect(found.rule).toMatch(/^imputed-/)
          expect(found.severity).toBe('info')
          const was = found.field.startsWith('attributes.')
            ? Object.hasOwn(item.attributes, found.field.slice('attributes.'.length))
            : item[found.field as 'brand' | 'category'].length > 0
          expect(was).toBe(false)
          const again = judge(applied(item, found))
          expect(again.filter(({ field }) => field === found.field)).toEqual([])
        }
      }),
      { seed: 4, numRuns: 300 },
    )
  })

  it('what is learnt survives a trip through JSON', () => {
    const copy = JSON.parse(JSON.stringify(LEARNT)) as unknown[]
    expect(copy).toEqual(LEARNT)
    const item = bare('Corvex garden hose 200, Red')
    expect(judge(item, copy)).toEqual(judge(item))
  })

  it('confidence lies between the threshold and 1', () => {
    for (const { repair } of judge(bare('Blenko office chair 200, White'))) {
      expect(repair!.confidence).toBeGreaterThanOrEqual(0.8)
      expect(repair!.confidence).toBeLessThanOrEqual(1)
    }
  })
})
