import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Finding, Item } from '../schema/item.ts'
import { cleanItem } from './clean.ts'
import { cleanText } from './text.ts'

const SEED = 20_241
const RUNS = 3_000

/** Pieces that the cleaners look for, in any order: finds what two of them make together. */
const piece = fc.constantFrom(
  ...'& &amp; &lt; &gt; &#38; &#92; &#0; &#xfb01; &#xd800; &a &trade; amp; lt; mp; #38; < > </ <b> </b> <script>'.split(
    ' ',
  ),
  ...'</script> <style <! <? \\n \\r \\r\\n \\ n r a ™ ℠ ﬁ ＆ ＜ ﷺ ΐ ŉ ß İ Σ ´ ¨ \u0301 \u0338 😀 № € $ % ,'.split(
    ' ',
  ),
  ...'. - 1 299 00 1.299 12,99 EUR usd kr > › | / .. SONY acme'.split(' '),
  ...[
    '\ud800',
    '\udc00',
    '\u0000',
    '\u0085',
    '\u00ad',
    '\u200b',
    '\u200d',
    '\ufeff',
    '\ufffd',
    '\ufffe',
    ' ',
    '\n',
    '\u00a0',
  ],
)
const text = fc.oneof(
  fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
  // A limit falls at any place of the piece.
  fc
    .tuple(fc.constantFrom(128, 200, 500, 1_000, 2_000, 20_000), fc.array(piece, { maxLength: 6 }), fc.nat(8))
    .map(([limit, parts, back]) => 'x'.repeat(limit - back) + parts.join('') + 'x'.repeat(back)),
)
const anything = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<unknown> },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.array(fc.oneof(text, fc.jsonValue()), { maxLength: 12 }) },
)
const FIELDS = [
  'id',
  'title',
  'description',
  'brand',
  'category',
  'price',
  'currency',
  'stock',
  'image',
  'url',
  'availableTime',
  'variantOf',
]
const record = fc.record(
  {
    ...Object.fromEntries(FIELDS.map((field) => [field, anything])),
    attributes: fc.oneof(fc.dictionary(text, anything, { maxKeys: 6 }), anything),
  },
  { requiredKeys: [] },
)
/** Hostile in one field or more, but with what keeps most of them out of quarantine. */
const product = fc.oneof(
  record,
  record.map((fields) => ({ ...fields, id: 'a', title: 'Lamp', price: 5 })),
  record.map((fields) => ({ ...fields, id: 'a', price: 5 })),
)
const check = (property: fc.IPropertyWithHooks<[unknown]>) =>
  fc.assert(property, { seed: SEED, numRuns: RUNS })

describe('cleaning', () => {
  it('never throws, and withholds the item if and only if a finding quarantines it', () => {
    check(
      fc.property(fc.oneof(product, fc.jsonValue() as fc.Arbitrary<unknown>), (raw) => {
        const { item, findings } = cleanItem(raw)
        expect(item === null).toBe(findings.some(({ severity }) => severity === 'quarantine'))
        for (const found of findings) expect(Finding.safeParse(found).success).toBe(true)
      }),
    )
  })

  it('lets through only what fits the contract', () => {
    check(
      fc.property(product, (raw) => {
        const { item } = cleanItem(raw)
        if (item === null) return
        expect(Item.parse(item)).toEqual(item)
        expect(JSON.stringify(item).isWellFormed()).toBe(true)
      }),
    )
  })

  it('a clean item again changes nothing, also after a trip through JSON', () => {
    check(
      fc.property(product, (raw) => {
        const { item } = cleanItem(raw)
        if (item === null) return
        expect(cleanItem(item).item).toEqual(item)
        expect(cleanItem(JSON.parse(JSON.stringify(item))).item).toEqual(item)
      }),
    )
  })

  it('does not depend on the order of the fields', () => {
    check(
      fc.property(product, (raw) => {
        const turned = Object.fromEntries(Object.entries(raw as object).reverse())
        expect(cleanItem(turned).item).toEqual(cleanItem(raw).item)
      }),
    )
  })
})

describe('cleaning of text', () => {
  it('again changes nothing', () => {
    check(
      fc.property(text, (raw) => {
        const once = cleanText(raw)
        expect(cleanText(once)).toBe(once)
      }),
    )
  })

  it('leaves no tag, control character, lone surrogate or double space', () => {
    check(
      fc.property(text, (raw) => {
        expect(cleanText(raw)).not.toMatch(/<\/?[a-zA-Z][^<>]*>|[\u0000-\u001f\u007f-\u009f]| {2}|^ | $/)
        expect(cleanText(raw).isWellFormed()).toBe(true)
      }),
    )
  })
})

describe('hostile texts of 200 kB', () => {
  // Each would keep a regular expression that backtracks busy for minutes; the test's own time limit is the guard.
  const many = (part: string) => part.repeat(Math.ceil(200_000 / part.length))
  const hostile = [
    ...[
      '<',
      '<a',
      '<a ',
      '<!',
      '<a<',
      '<script>',
      '<script',
      '<style><script>',
      '</script',
      '<script></script ',
    ],
    ...[
      '&',
      '&a',
      '&amp;',
      '&amp',
      '&#38;',
      '&#',
      '&#x26;#x0026;',
      '&#0038;',
      '&a&#109;p;',
      '&lt;script&gt;',
    ],
    ...[
      '™',
      '℠™',
      '\\',
      '\\r',
      '\\n',
      ' ',
      ' a',
      '\t\n',
      '\u0085',
      '\u0000',
      '\u200b',
      '\ud800',
      '\ufeff',
      '\u0301',
    ],
    ...[
      'ﷺ',
      '1',
      '1,',
      '1.',
      "1'",
      '1 ',
      '-',
      '- ',
      '.',
      'a.',
      'kr ',
      '€',
      '>',
      ' > ',
      ' >',
      '/',
      '//',
      'A',
      'a',
      "a'",
    ],
  ].flatMap((part) => [many(part), `${many(part)}!`, `1${many(part)}`, `<${many(part)}>`])

  it('are cleaned as plain text', () => {
    for (const raw of hostile) cleanText(raw)
  })

  it('are cleaned in every field', () => {
    for (const raw of hostile) {
      const fields = Object.fromEntries(FIELDS.map((field) => [field, raw]))
      cleanItem({ ...fields, attributes: { [raw]: raw, a: raw, b: [raw, raw] } })
      cleanItem({
        ...fields,
        id: 'a',
        title: raw.slice(0, 10_000),
        category: [raw, raw],
        price: raw.slice(0, 64),
      })
    }
  })
})
