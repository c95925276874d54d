import { describe, expect, it } from 'vitest'
import {
  ATTRIBUTE_VALUE_CHARS_MAX,
  ATTRIBUTES_MAX,
  CATEGORY_DEPTH_MAX,
  DESCRIPTION_CHARS_MAX,
  ITEM_ID_CHARS_MAX,
  Item,
  TITLE_CHARS_MAX,
} from '../schema/item.ts'
import { cleanItem, FINDINGS_PER_ITEM_MAX } from './clean.ts'
import { RULES, type RuleName } from './rules.ts'

/** A clean item with nothing to find, changed by `patch`. */
const raw = (patch: Record<string, unknown> = {}) => ({
  id: 'sku-1',
  title: 'Desk lamp',
  price: 12.99,
  currency: 'EUR',
  ...patch,
})
const rulesOf = (value: unknown) => cleanItem(value).findings.map(({ rule }) => rule)
const clean = (patch: Record<string, unknown>) => {
  const { item, findings } = cleanItem(raw(patch))
  if (item === null) throw new Error(`quarantined: ${JSON.stringify(findings)}`)
  return item
}
const entries = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`name ${n}`, n]))
const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown

/** Rules that need more than the item; tested where they are decided. */
const DECIDED_ELSEWHERE = [
  'repeated-id',
  'duplicate-content',
  'price-slip',
  'attribute-slip',
  'unusual-price',
  'unusual-attribute',
  'sudden-price-change',
  'sudden-attribute-change',
  'sudden-title-change',
  'price-unlike-neighbours',
  'imputed-category',
  'imputed-brand',
  'imputed-colour',
  'imputed-material',
  'imputed-size',
  'imputed-number',
] as const satisfies RuleName[]
type Case = { breaks: unknown[]; inside: unknown[] }

/** Every rule: values that break it, and values just inside its limit. */
const CASES: Record<Exclude<RuleName, (typeof DECIDED_ELSEWHERE)[number]>, Case> = {
  'not-an-object': { breaks: [null, 'text', 7, true, [raw()]], inside: [raw()] },
  'unreadable-row': {
    breaks: [{ _unreadable: 'Line 7: not JSON' }, raw({ _unreadable: '' })],
    inside: [raw()],
  },
  'missing-id': {
    breaks: [raw({ id: null }), raw({ id: '  ' }), { title: 'No id' }],
    inside: [raw({ id: 0 })],
  },
  'broken-id': {
    breaks: [
      raw({ id: 'x'.repeat(ITEM_ID_CHARS_MAX + 1) }),
      raw({ id: 'a\u0000b' }),
      raw({ id: 'a\u0085b' }),
      raw({ id: 'a\ud800' }),
      raw({ id: '.' }),
      raw({ id: ' .. ' }),
      raw({ id: 2 ** 53 }),
      raw({ id: Number.NaN }),
    ],
    inside: [
      raw({ id: 'x'.repeat(ITEM_ID_CHARS_MAX) }),
      raw({ id: 'a b' }),
      raw({ id: 'a😀' }),
      raw({ id: '...' }),
      raw({ id: 2 ** 53 - 1 }),
    ],
  },
  'missing-title': {
    breaks: [raw({ title: '' }), raw({ title: '\u0000\u200b' }), raw({ title: '<p> </p>' }), { id: 'a' }],
    inside: [raw({ title: 'x' })],
  },
  'title-too-long': {
    breaks: [raw({ title: 'x'.repeat(TITLE_CHARS_MAX + 1) }), raw({ title: 'x'.repeat(100_000) })],
    inside: [raw({ title: 'x'.repeat(TITLE_CHARS_MAX) }), raw({ title: `${'<b> '.repeat(2_000)}x` })],
  },
  'wrong-type': {
    breaks: [
      raw({ id: true }),
      raw({ id: {} }),
      raw({ title: ['a'] }),
      raw({ title: false }),
      raw({ title: Number.POSITIVE_INFINITY }),
      raw({ price: {} }),
      raw({ price: true }),
    ],
    inside: [raw({ id: 5 }), raw({ title: 5 }), raw({ price: '5' })],
  },
  'impossible-price': {
    breaks: [
      raw({ price: -0.01 }),
      raw({ price: '-5 €' }),
      raw({ price: 1e9 + 1 }),
      raw({ price: Number.NaN }),
      raw({ price: Number.POSITIVE_INFINITY }),
      raw({ price: Number.NEGATIVE_INFINITY }),
      raw({ price: 'NaN' }),
      raw({ price: 'Infinity' }),
      raw({ price: '1e999' }),
      raw({ price: 'on request' }),
      raw({ price: '5 pcs' }),
    ],
    inside: [raw({ price: 0 }), raw({ price: -0 }), raw({ price: 1e9 }), raw({ price: '5' })],
  },
  'wrong-type-ignored': {
    breaks: [
      raw({ brand: {} }),
      raw({ description: true }),
      raw({ category: { a: 1 } }),
      raw({ category: [['Home', {}]] }),
      raw({ attributes: [1] }),
      raw({ attributes: 'red' }),
    ],
    inside: [raw({ brand: ['Acme', 'Tools'] }), raw({ category: ['Home'] }), raw({ attributes: {} })],
  },
  'damaged-text': {
    breaks: [raw({ title: 'a\ud800b' }), raw({ title: 'caf\ufffd' })],
    inside: [raw({ title: 'a😀b' })],
  },
  'control-characters': {
    breaks: [raw({ title: 'a\u0000b' }), raw({ description: 'a\u009fb' })],
    inside: [raw({ title: 'a\tb\r\nc\u0085d' }), raw({ title: 'a\u200bb' })],
  },
  'text-shortened': {
    breaks: [
      raw({ description: 'x'.repeat(DESCRIPTION_CHARS_MAX + 1) }),
      raw({ brand: 'Xy'.repeat(101) }),
      raw({ attributes: { a: 'x'.repeat(ATTRIBUTE_VALUE_CHARS_MAX + 1) } }),
      raw({ attributes: { a: Array(101).fill('x') } }),
    ],
    inside: [
      raw({ description: 'x'.repeat(DESCRIPTION_CHARS_MAX) }),
      raw({ brand: 'Xy'.repeat(100) }),
      raw({ attributes: { a: 'x'.repeat(ATTRIBUTE_VALUE_CHARS_MAX) } }),
      raw({ attributes: { a: Array(100).fill('x') } }),
    ],
  },
  'zero-price': { breaks: [raw({ price: 0 }), raw({ price: '0,00 €' })], inside: [raw({ price: 0.01 })] },
  'ambiguous-price': {
    breaks: [raw({ price: '1.299' }), raw({ price: '1.299 €' })],
    inside: [raw({ price: '1.29' }), raw({ price: '1,299' }), raw({ price: '0.299' }), raw({ price: 1.299 })],
  },
  'currency-conflict': {
    breaks: [raw({ price: '5 €', currency: 'USD' })],
    inside: [raw({ price: '5 €', currency: 'eur' }), raw({ price: '$5', currency: 'CAD' })],
  },
  'unknown-currency': {
    breaks: [raw({ currency: 'coins' }), raw({ currency: 978 }), raw({ currency: 'EU' })],
    inside: [raw({ currency: 'eur' }), raw({ currency: '€' }), raw({ currency: null })],
  },
  'unreadable-stock': {
    breaks: [raw({ stock: 'a few' }), raw({ stock: {} }), raw({ stock: 2 ** 53 }), raw({ stock: '5 €' })],
    inside: [
      raw({ stock: '12' }),
      raw({ stock: 'In Stock' }),
      raw({ stock: 'no' }),
      raw({ stock: 2 ** 53 - 1 }),
    ],
  },
  'negative-stock': {
    breaks: [raw({ stock: -1 }), raw({ stock: '-3' })],
    inside: [raw({ stock: 0 }), raw({ stock: -0 })],
  },
  'category-too-deep': {
    breaks: [
      raw({ category: Array(CATEGORY_DEPTH_MAX + 1).fill('x') }),
      raw({ category: 'x > '.repeat(11) }),
    ],
    inside: [
      raw({ category: Array(CATEGORY_DEPTH_MAX).fill('x') }),
      raw({ category: [...Array(CATEGORY_DEPTH_MAX).fill('x'), ' '] }),
    ],
  },
  'too-many-attributes': {
    breaks: [raw({ attributes: entries(ATTRIBUTES_MAX + 1) })],
    inside: [
      raw({ attributes: entries(ATTRIBUTES_MAX) }),
      raw({ attributes: { ...entries(500), none: '' } }),
    ],
  },
  'unusable-attribute': {
    breaks: [
      raw({ attributes: { a: {} } }),
      raw({ attributes: { a: [{}] } }),
      raw({ attributes: { ['x'.repeat(201)]: 1 } }),
      raw({ attributes: { ' ': 1 } }),
      raw({ attributes: JSON.parse('{"__proto__":1}') }),
      raw({ attributes: { a: Number.NaN } }),
    ],
    inside: [
      raw({ attributes: { a: ['x', 1, null] } }),
      raw({ attributes: { ['x'.repeat(200)]: false } }),
      raw({ attributes: { constructor: 'x', a: null } }),
    ],
  },
  'unreadable-time': {
    breaks: [
      raw({ expireTime: 'soon' }),
      raw({ publishTime: 1_760_000_000 }),
      raw({ availableTime: '2026-02-30' }),
      raw({ availableTime: '2026-05-01T25:00Z' }),
    ],
    inside: [
      raw({ availableTime: '2026-05-01' }),
      raw({ expireTime: '2026-05-01 08:00' }),
      raw({ publishTime: '2026-05-01T08:00:00+02:00' }),
      raw({ publishTime: ' ' }),
    ],
  },
  'unusable-url': {
    breaks: [
      raw({ url: 'javascript:alert(1)' }),
      raw({ url: 'shop.example/lamp' }),
      raw({ url: '/\\evil.example' }),
      raw({ url: 'https://a.example/\u0000' }),
      raw({ url: `https://a.example/${'x'.repeat(1_983)}` }),
      raw({ image: 'data:text/html,x' }),
      raw({ image: 7 }),
    ],
    inside: [
      raw({ url: 'https://shop.example/lamp?a=1' }),
      raw({ url: '/lamp' }),
      raw({ url: `https://a.example/${'x'.repeat(1_982)}` }),
      raw({ image: '//cdn.example/a b.jpg' }),
    ],
  },
  'missing-price': { breaks: [raw({ price: null }), raw({ price: ' ' })], inside: [raw({ price: 0 })] },
  'unknown-field': { breaks: [raw({ colour: 'red' })], inside: [raw({ attributes: { colour: 'red' } })] },
  'number-as-text': { breaks: [raw({ title: 2001 }), raw({ brand: 3 })], inside: [raw({ title: '2001' })] },
  'html-removed': {
    breaks: [raw({ title: '<b>Lamp</b>' }), raw({ title: '&lt;b&gt;Lamp' })],
    inside: [raw({ title: 'Lamp 3 < 4 > 2 & more <3' })],
  },
  'brand-casing': {
    breaks: [raw({ brand: 'SAMSUNG' }), raw({ brand: 'sony' })],
    inside: [raw({ brand: 'ACME' }), raw({ brand: 'eBay' })],
  },
}

describe('rules', () => {
  it('have a case each, but for those that need more than the item', () => {
    expect([...Object.keys(CASES), ...DECIDED_ELSEWHERE].sort()).toEqual(Object.keys(RULES).sort())
  })

  for (const [rule, { breaks, inside }] of Object.entries(CASES) as [keyof typeof CASES, Case][]) {
    it(`${rule} is reported for what breaks it`, () => {
      for (const value of breaks) {
        const { item, findings } = cleanItem(value)
        expect(findings.map((found) => found.rule)).toContain(rule)
        if (RULES[rule].severity === 'quarantine') expect(item).toBeNull()
      }
    })

    it(`${rule} is not reported just inside its limit`, () => {
      for (const value of inside) {
        const { item, findings } = cleanItem(value)
        expect(findings.map((found) => found.rule)).not.toContain(rule)
        expect(Item.safeParse(item).success).toBe(true)
      }
    })
  }

  it('that only warn or inform let the item through', () => {
    const broken = Object.entries(CASES).filter(([rule]) => RULES[rule as RuleName].severity !== 'quarantine')
    for (const [rule, { breaks }] of broken)
      for (const value of breaks) expect(cleanItem(value).item, rule).not.toBeNull()
  })
})

describe('an item', () => {
  it('without faults has no findings and gets the empty values', () => {
    expect(cleanItem(raw())).toEqual({
      item: {
        id: 'sku-1',
        title: 'Desk lamp',
        description: '',
        brand: '',
        category: [],
        price: 12.99,
        currency: 'EUR',
        stock: null,
        attributes: {},
        image: '',
        url: '',
      },
      findings: [],
    })
  })

  it('with a title of 100 kB is quarantined as title-too-long, without being cleaned', () => {
    expect(cleanItem(raw({ title: '<b>é'.repeat(25_000) })).findings).toMatchObject([
      { rule: 'title-too-long', severity: 'quarantine', field: 'title' },
    ])
  })

  it('keeps NUL and lone surrogates out of its texts', () => {
    const item = clean({ title: 'La\u0000mp \ud83d', attributes: { 'a\u0000': '\udc00x' } })
    expect(item.title).toBe('Lamp \ufffd')
    expect(item.attributes).toEqual({ a: '\ufffdx' })
    expect(JSON.stringify(item).isWellFormed()).toBe(true)
  })

  it.each([
    ['a/b//c', 'a/b//c'],
    ['../x', '../x'],
    ['🛋️ sofa/№①', '🛋️ sofa/№①'],
    ['ﬁ<b>&amp;', 'ﬁ<b>&amp;'],
    ['  7 ', '7'],
    [42, '42'],
    [-0, '0'],
  ])('keeps the id %j as it is, but for outer white space', (id, kept) => {
    expect(clean({ id }).id).toBe(kept)
  })

  it.each([
    ['12,99 €', null, 12.99, 'EUR'],
    ['1.299,00 EUR', null, 1299, 'EUR'],
    ['$5', null, 5, 'USD'],
    ['$5', 'CAD', 5, 'CAD'],
    ['1,299.00', null, 1299, null],
    ['5 €', 'USD', 5, 'EUR'],
    [12.990000000000002, 'gbp', 12.99, 'GBP'],
    [-0, null, 0, null],
  ])('reads the price %j with the currency %j', (price, currency, amount, code) => {
    expect(clean({ price, currency })).toMatchObject({ price: amount, currency: code })
  })

  it('without a price has no currency', () => {
    expect(clean({ price: null })).toMatchObject({ price: null, currency: null })
  })

  it('with a negative price is quarantined, with the value as evidence', () => {
    expect(cleanItem(raw({ price: -5 })).findings).toMatchObject([
      { rule: 'impossible-price', field: 'price', evidence: '-5' },
    ])
  })

  it('loses HTML, scripts and styles, and keeps the words', () => {
    const description = '<p>Bright&nbsp;<b>lamp</b></p><script>alert("x")</script><style>p{}</style>for desks'
    expect(clean({ description }).description).toBe('Bright lamp for desks')
    expect(clean({ description: '&lt;script&gt;alert(1)&lt;/script&gt;Lamp' }).description).toBe('Lamp')
  })

  it('is written in NFKC with single spaces', () => {
    expect(clean({ title: '  Ｌａｍｐ \n\t ﬁne\u00a0½ l ' }).title).toBe('Lamp fine 1⁄2 l')
  })

  it.each([
    ['Home > Light > Desk', ['Home', 'Light', 'Desk']],
    ['Home›Light » Desk', ['Home', 'Light', 'Desk']],
    ['Home | Light → Desk', ['Home', 'Light', 'Desk']],
    ['Home &gt; <b>Light</b>', ['Home', 'Light']],
    ['> Home >> Light >', ['Home', 'Light']],
    [
      ['Home', ' Light ', '', null],
      ['Home', 'Light'],
    ],
    [
      ['Home > Garden', 7],
      ['Home > Garden', '7'],
    ],
    [
      [['Home', 'Light'], ['Sale']],
      ['Home', 'Light'],
    ],
    [[], []],
    ['', []],
  ])('reads the category %j as a path', (category, path) => {
    expect(clean({ category }).category).toEqual(path)
  })

  it.each([
    ['SAMSUNG', 'Samsung'],
    ['samsung', 'Samsung'],
    ['Samsung', 'Samsung'],
    ['tp-link', 'TP-Link'],
    ['hp', 'HP'],
    ['ACME TOOLS', 'ACME Tools'],
    ['black & decker', 'Black & Decker'],
    ['iRobot', 'iRobot'],
    ['小米', '小米'],
  ])('writes the brand %j as %j', (brand, usual) => {
    expect(clean({ brand }).brand).toBe(usual)
  })

  it.each([
    [12.7, 12],
    ['1,200', 1200],
    [true, null],
    [false, 0],
    ['Out of stock', 0],
    [' in_stock ', null],
    [-4, 0],
    [-0, 0],
    ['plenty', null],
  ])('counts the stock %j as %j', (stock, count) => {
    expect(clean({ stock }).stock).toBe(count)
  })

  it('keeps attributes of every kind and drops the empty ones', () => {
    const attributes = {
      n: 1.5,
      b: false,
      t: ' <i>x</i> ',
      l: ['a', 2, true, null, ' '],
      none: '',
      nil: null,
      e: [],
    }
    expect(clean({ attributes }).attributes).toEqual({ n: 1.5, b: false, t: 'x', l: ['a', '2', 'true'] })
  })

  it('cannot set a prototype through its attributes', () => {
    const { attributes } = clean({ attributes: JSON.parse('{"__proto__":{"polluted":1},"a":1}') })
    expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype)
    expect(attributes).toEqual({ a: 1 })
  })

  it('nested too deeply to be written as JSON is judged all the same', () => {
    for (const field of ['id', 'title', 'price', 'brand', 'category', 'stock', 'url', 'attributes'])
      expect(rulesOf(raw({ [field]: nested(100_000) })).length, field).toBeGreaterThan(0)
    expect(rulesOf(nested(100_000))).toEqual(['not-an-object'])
  })
})

describe('findings', () => {
  it('name the field, carry a sentence, and show at most 200 well-formed characters', () => {
    const title = `${'x'.repeat(199)}😀${'x'.repeat(400)}`
    const [found] = cleanItem(raw({ title })).findings
    expect(found).toMatchObject({ field: 'title', message: RULES['title-too-long'].message })
    expect(found!.evidence).toBe(`${'x'.repeat(199)}\ufffd`)
  })

  it('of one attribute name it', () => {
    expect(cleanItem(raw({ attributes: { size: {} } })).findings).toMatchObject([
      { rule: 'unusable-attribute', field: 'attributes.size', evidence: '{}' },
    ])
  })

  it('stop at a limit, except for those that quarantine', () => {
    const broken = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`a${n}`, {}]))
    expect(cleanItem(raw({ attributes: broken })).findings).toHaveLength(FINDINGS_PER_ITEM_MAX)
    const { item, findings } = cleanItem({ ...raw({ title: '' }), id: '', attributes: broken, price: -1 })
    expect(item).toBeNull()
    expect(findings.filter(({ severity }) => severity === 'quarantine').map(({ rule }) => rule)).toEqual([
      'missing-id',
      'missing-title',
      'impossible-price',
    ])
  })

  it('tell all unknown fields in one', () => {
    expect(cleanItem(raw({ colour: 1, size: 2 })).findings).toMatchObject([
      { rule: 'unknown-field', field: 'colour', evidence: 'colour, size' },
    ])
  })
})
