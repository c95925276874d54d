/** @file Every rule on a clean item: values that break it, and values just inside its limit. */
import { describe, expect, it } from 'vitest'
import { type Finding, Item } from '../../schema/item.ts'
import { judgeBy } from '../item-rule.ts'
import { ITEM_RULES } from '../item-rules.ts'
import { CHECKS, verdictOf } from './conformance.ts'
import { isGtin } from './gtin.ts'
import { languageOf } from './language.ts'
import { countWords, mainScript } from './words.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
/** Nothing to find on it. */
const item = (patch: Partial<Item> = {}): Item =>
  Item.parse({
    id: 'a',
    title: 'Desk lamp',
    description: 'A lamp.',
    price: 5,
    attributes: { colour: 'black' },
    image: 'https://cdn.shop.de/lamp.jpg',
    url: 'https://shop.de/p/lamp',
    publishTime: '2026-01-01T00:00:00.000Z',
    ...patch,
  })
const titled = (title: string) => item({ title })
const withGtin = (value: string | number | string[], name = 'ean') => item({ attributes: { [name]: value } })
const pictured = (image: string) => item({ image })
const rulesOf = (one: Item) => judgeBy(ITEM_RULES, one, NOW).map(({ rule }) => rule)
const repairOf = (one: Item) => judgeBy(ITEM_RULES, one, NOW)[0]?.repair?.value

const CASES: Record<string, { breaks: Item[]; inside: Item[] }> = {
  'has-valid-uri': {
    breaks: [
      item({ url: '' }),
      item({ url: '/p/lamp' }),
      item({ url: 'http://shop/p' }),
      item({ url: '//shop.de/p' }),
    ],
    inside: [item({ url: 'http://shop.de' }), item({ url: 'https://shop.co.uk:8080/p?x=1' })],
  },
  'available-expire-time-conformance': {
    breaks: [
      item({ availableTime: '2026-06-01T00:00:00.001Z' }),
      item({ expireTime: '2026-06-01T00:00:00.000Z' }),
    ],
    inside: [
      item(),
      item({ availableTime: '2026-06-01T00:00:00.000Z' }),
      item({ expireTime: '2026-06-01T00:00:00.001Z' }),
    ],
  },
  'has-searchable-attributes': {
    breaks: [item({ attributes: {} }), item({ attributes: { wireless: false } })],
    inside: [item({ attributes: { wireless: true } }), item({ attributes: { watts: 0 } })],
  },
  'has-description': { breaks: [item({ description: '' })], inside: [item({ description: 'x' })] },
  'has-at-least-bigram-title': {
    breaks: [titled('Lamp'), titled('LQ-1000'), titled('灯具')],
    inside: [titled('A lamp'), titled('台灯灯具')],
  },
  'variant-has-image': {
    breaks: [item({ variantOf: 'b', image: '' })],
    inside: [item({ image: '' }), item({ variantOf: 'b' })],
  },
  'variant-has-price-info': {
    breaks: [item({ variantOf: 'b', price: null })],
    inside: [item({ price: null }), item({ variantOf: 'b', price: 0 })],
  },
  'has-publish-time': { breaks: [item({ publishTime: undefined })], inside: [item()] },
  'title-decorated': {
    breaks: ['*** Desk lamp', 'Desk lamp !!', '★ Desk lamp', '🔥 Desk lamp', 'Desk --- lamp'].map(titled),
    inside: ['Washing machine A+++', 'Desk lamp...', 'Desk lamp!', 'Lamp -- 5 W', 'C## guide'].map(titled),
  },
  'title-stuffed': {
    breaks: [titled('Lamp lamps lamp led Lamp'), titled('case for case and case')],
    inside: [
      titled('lamp and lamp'),
      titled('for it for me for you'),
      titled(
        'Toner for LaserJet 1000 LaserJet 1010 LaserJet 1020 with nine more words than you would think of here',
      ),
    ],
  },
  'title-shouting': {
    breaks: [titled('BLACK STEEL TABLE')],
    inside: [titled('BLACK STEEL table'), titled('BLACK TABLE'), titled('USB SATA PCIE HDMI')],
  },
  'title-keyword-list': {
    breaks: [titled('lamp, light, led, desk, table, bright')],
    inside: [
      titled('lamp, light, led, desk, table'),
      titled('A lamp, for a desk, with a long, a thin, and a black arm, and more to say'),
    ],
  },
  'mixed-script-word': {
    breaks: [titled('Ѕony lamp'), titled('XПС lamp'), item({ brand: 'Sоny' })],
    inside: [titled('Лампа LED'), titled('62.5/125μm cable'), titled('Ω meter')],
  },
  'wrong-gtin': {
    breaks: [
      ...['4006381333932', '400638133393', '00000000', 'unknown', '4006381333931 6'].map((code) =>
        withGtin(code),
      ),
      withGtin(['4006381333931', '1']),
      withGtin(4_006_381_333_932),
      withGtin('1', 'GTIN-13'),
    ],
    inside: [
      ...[
        '4006381333931',
        '96385074',
        '036000291452',
        '10012345000017',
        '4006381-333931',
        '4006381333931, 96385074',
      ].map((code) => withGtin(code)),
      withGtin('no number', 'eanings'),
      withGtin(`${'4006381333931 '.repeat(71)}40063`),
    ],
  },
  'broken-image': {
    breaks: [
      'http://localhost/a.jpg',
      'https://10.0.0.5/a.jpg',
      'http://cdn/a.jpg',
      'https://example.com/a.jpg',
      'https://a.de/p.html',
    ].map(pictured),
    inside: ['https://10th.de/a.jpg', '/a.jpg', 'https://a.de/image?id=5', 'https://a.de:8080/a.webp'].map(
      pictured,
    ),
  },
  'placeholder-image': {
    breaks: [
      'https://a.de/no-image.png',
      'https://a.de/x/placeholder.svg',
      'https://a.de/default_product.jpg',
      '/noimage_200.gif',
    ].map(pictured),
    inside: [
      'https://dummy.de/a.jpg',
      'https://a.de/placeholder/a.jpg',
      'https://a.de/piano-image-5.jpg',
    ].map(pictured),
  },
}

describe.each(Object.entries(CASES))('%s', (rule, { breaks, inside }) => {
  it('speaks where it should', () => {
    for (const one of breaks) expect(rulesOf(one)).toContain(rule)
  })
  it('is silent just inside its limit', () => {
    for (const one of inside) expect(rulesOf(one)).not.toContain(rule)
  })
})

describe('the rules of the write path', () => {
  it('find nothing on a good item', () => {
    expect(rulesOf(item())).toEqual([])
  })
  it('each have their cases here', () => {
    const said = new Set(Object.values(CASES).flatMap(({ breaks }) => breaks.flatMap(rulesOf)))
    expect([...said].sort()).toEqual(Object.keys(CASES).sort())
  })
  it('are told by an id, a sentence, a field and evidence of at most 200 characters', () => {
    const all = Object.values(CASES).flatMap(({ breaks }) =>
      breaks.flatMap((one): Finding[] => judgeBy(ITEM_RULES, one, NOW)),
    )
    for (const found of all) {
      expect(found.message).toMatch(/^[A-Z].*\.$/)
      expect(found.field).not.toBe('')
      expect((found.evidence ?? '').length).toBeLessThanOrEqual(200)
    }
  })
})

describe('repairs of titles and numbers', () => {
  it.each([
    ['*** Desk lamp ***', 'Desk lamp'],
    ['Desk lamp ✅ 5 W', 'Desk lamp 5 W'],
    ['Ѕоny lamp', 'Sony lamp'],
    ['★★★', undefined],
    ['Нiж lamp', undefined],
  ])('of "%s"', (title, repaired) => {
    expect(repairOf(titled(title))).toBe(repaired)
  })
  it('give a number its zeros back, as a proposal', () => {
    const [found] = judgeBy(ITEM_RULES, withGtin('36000291452'), NOW)
    expect(found!.repair).toEqual({ value: '036000291452', confidence: 0.85 })
  })
})

describe('the eight checks', () => {
  it('are those of commerce search, by its keys', () => {
    expect(CHECKS.map(({ key }) => key)).toEqual([
      'has-valid-uri',
      'available-expire-time-conformance',
      'has-searchable-attributes',
      'has-description',
      'has-at-least-bigram-title',
      'variant-has-image',
      'variant-has-price-info',
      'has-publish-time',
    ])
  })
  it('about variants say nothing of other items', () => {
    const verdicts = CHECKS.map((check) => verdictOf(check, item(), NOW))
    expect(verdicts).toEqual([true, true, true, true, true, null, null, true])
  })
})

describe('what rules read', () => {
  it.each([
    ['4006381333931', true],
    ['4006381333930', false],
    ['96385074', true],
    ['036000291452', true],
    ['12345', false],
    ['40063813339٣1', false],
  ])('check digit of %s', (code, valid) => {
    expect(isGtin(code)).toBe(valid)
  })
  it.each([
    ['Desk lamp', 2],
    ["women's 3-in-1", 2],
    ['灯', 1],
    ['台灯灯具', 2],
    ['LED 台灯', 2],
    ['–', 0],
  ])('words of "%s"', (text, words) => {
    expect(countWords(text)).toBe(words)
  })
  it.each([
    ['Desk lamp', 'Latin'],
    ['Настольная лампа LED', 'Cyrillic'],
    ['卓上ランプ', 'Han'],
    ['مصباح مكتبي', 'Arabic'],
    ['5 W', null],
    ['Лампа lamp', null],
  ])('script of "%s"', (text, script) => {
    expect(mainScript(text)).toBe(script)
  })
  it.each([
    ['This lamp is made for the desk and it has an arm of steel that you can turn.', 'English'],
    ['Die Lampe ist für den Schreibtisch und mit einem Arm aus Stahl, der sich drehen lässt.', 'German'],
    [
      'La lampe est pour le bureau et avec un bras en acier que vous pouvez tourner dans les deux sens.',
      'French',
    ],
    ['La lámpara es para el escritorio y tiene un brazo de acero que se puede girar con la mano.', 'Spanish'],
    ['LED lamp, 5 W, 400 lm, 2700 K, E27, A60, black, steel, 30 cm', null],
    ['Die Lampe', null],
  ])('language of "%s"', (text, language) => {
    expect(languageOf(text)).toBe(language)
  })
})
