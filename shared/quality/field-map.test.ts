import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cleanItem } from './clean.ts'
import { applyFieldMap, FieldMap } from './field-map.ts'

const map = (fields: object, attributes: object[] = []) =>
  FieldMap.parse({ fields: { id: 'id', title: 'title', ...fields }, attributes })
/** The value of `price` under a rule. */
const read = (rule: unknown, row: Record<string, unknown>) =>
  applyFieldMap(map({ price: rule }), row)['price']
const attributesOf = (rules: object[], row: Record<string, unknown>) =>
  applyFieldMap(map({}, rules), row)['attributes']
const refusal = (value: unknown) => {
  const result = FieldMap.safeParse(value)
  return result.success ? 'accepted' : z.prettifyError(result.error)
}

describe('a rule of a field', () => {
  it('as text renames a column', () => {
    expect(applyFieldMap(map({ brand: 'maker' }), { id: 1, title: 't', maker: 'Acme', more: 'x' })).toEqual({
      id: 1,
      title: 't',
      brand: 'Acme',
    })
  })

  it('takes a constant for every row, also a list', () => {
    expect(read({ constant: 'EUR' }, {})).toBe('EUR')
    expect(read({ constant: 0 }, { price: 5 })).toBe(0)
    expect(read({ constant: ['a', 'b'] }, {})).toEqual(['a', 'b'])
  })

  it('takes the first column that has a value', () => {
    const rule = { from: ['a', 'b', 'c'] }
    expect(read(rule, { a: ' ', b: null, c: 0 })).toBe(0)
    expect(read(rule, { a: [], b: false, c: 'x' })).toBe(false)
    expect(read(rule, {})).toBeUndefined()
    expect(read({ from: 'a' }, { a: 'x' })).toBe('x')
  })

  it('ignores the values that mean none', () => {
    const rule = { from: ['a', 'b'], ignore: ['N/A', '1'] }
    expect(read(rule, { a: ' N/A ', b: 'x' })).toBe('x')
    expect(read(rule, { a: 1, b: 'N/A' })).toBeUndefined()
    expect(read(rule, { a: 'n/a' })).toBe('n/a')
  })

  it('falls back on the default, which goes through the later options too', () => {
    expect(read({ from: 'a', default: 7 }, { a: '' })).toBe(7)
    expect(read({ from: 'a', default: 7 }, { a: 0 })).toBe(0)
    expect(read({ from: 'a', ignore: ['-'], default: 'none' }, { a: '-' })).toBe('none')
    expect(read({ from: 'a', default: 'Home > Light', split: '>' }, {})).toEqual(['Home', 'Light'])
    expect(read({ from: 'a', default: 4995, minorUnits: 2 }, {})).toBe(49.95)
  })

  it('joins a list, and all columns that have a value', () => {
    expect(read({ from: 'a', join: ', ' }, { a: ['x', '', null, 2] })).toBe('x, 2')
    expect(read({ from: ['a', 'b', 'c'], join: ' ' }, { a: 'x', b: '', c: ['y', 'z'] })).toBe('x y z')
    expect(read({ from: 'a', join: ', ' }, { a: 'x' })).toBe('x')
    expect(read({ from: 'a', join: ', ' }, { a: [{ b: 1 }] })).toEqual([{ b: 1 }])
  })

  it('splits a path into trimmed parts', () => {
    expect(read({ from: 'a', split: '/' }, { a: ' Home / /Light ' })).toEqual(['Home', 'Light'])
    expect(read({ from: 'a', split: '/' }, { a: ['Home/Light'] })).toEqual(['Home/Light'])
    expect(read({ from: ['a', 'b'], join: '/', split: '/' }, { a: 'Home', b: 'Light' })).toEqual([
      'Home',
      'Light',
    ])
  })

  it.each([
    [4995, 49.95],
    ['4995', 49.95],
    [' 4995.00 ', 49.95],
    [-5, -0.05],
    [0, 0],
  ])('reads %j minor units', (cents, price) => {
    expect(read({ from: 'a', minorUnits: 2 }, { a: cents })).toBe(price)
  })

  it.each(['12,99', '12.5', 12.5, '€5', true, ['5']])(
    'lets %j, which is no whole number of minor units, end in quarantine',
    (value) => {
      const item = applyFieldMap(map({ price: { from: 'a', minorUnits: 2 } }), {
        id: '1',
        title: 't',
        a: value,
      })
      expect(cleanItem(item).item).toBeNull()
    },
  )

  it('reads own columns of the row only', () => {
    expect(read('constructor', {})).toBeUndefined()
    expect(read('toString', { toString: 'x' })).toBe('x')
  })
})

describe('a rule of attributes', () => {
  it('takes one column, under its name or another', () => {
    expect(attributesOf([{ from: 'ean' }, { from: 'c', name: 'colour' }], { ean: '7', c: 'red' })).toEqual({
      ean: '7',
      colour: 'red',
    })
  })

  it('splits and joins', () => {
    expect(attributesOf([{ from: 'a', split: ';' }], { a: 'x; y' })).toEqual({ a: ['x', 'y'] })
    expect(attributesOf([{ from: 'a', join: ' ' }], { a: ['x', 'y'] })).toEqual({ a: 'x y' })
  })

  it('takes all columns with a prefix, but for the exceptions', () => {
    const row = { attr_a: 1, attr_b: '', attr_c: 3, attr_: 4, other: 5 }
    expect(attributesOf([{ prefix: 'attr_', except: ['attr_c'] }], row)).toEqual({ a: 1 })
    expect(attributesOf([{ prefix: '' }], { a: 1, b: 2 })).toEqual({ a: 1, b: 2 })
  })

  it('lets the first of two attributes with one name stay', () => {
    expect(attributesOf([{ prefix: 'n_', as: 'number' }, { prefix: 't_' }], { t_a: 'x', n_a: '1' })).toEqual({
      a: 1,
    })
  })

  it.each([
    ['number', '12.50', 12.5],
    ['number', ' -3 ', -3],
    ['number', '12,5', '12,5'],
    ['number', '1e3', '1e3'],
    ['number', '9'.repeat(400), '9'.repeat(400)],
    ['boolean', 'Yes', true],
    ['boolean', '0', false],
    ['boolean', 'maybe', 'maybe'],
    ['text', 5, '5'],
    ['text', true, 'true'],
    [undefined, '5', '5'],
  ])('reads as %j the value %j', (as, value, attribute) => {
    const rule = as === undefined ? { from: 'a' } : { from: 'a', as }
    expect(attributesOf([rule], { a: value })).toEqual({ a: attribute })
  })

  it('leaves the field out when there is no attribute', () => {
    expect(applyFieldMap(map({}, [{ from: 'a' }]), { a: ' ' })).toEqual({})
  })
})

describe('a map with empty fields', () => {
  const row = { id: 'a', title: 't', price: 5, category: ['x'], attributes: { colour: 'red' }, image: '' }

  it('takes a file in the own form of Aisle, with its attributes', () => {
    expect(applyFieldMap(FieldMap.parse({ fields: {} }), row)).toEqual({
      id: 'a',
      title: 't',
      price: 5,
      category: ['x'],
      attributes: { colour: 'red' },
    })
  })

  it('adds attributes by rules, those of the file first', () => {
    const own = FieldMap.parse({ fields: {}, attributes: [{ prefix: 'attr_' }] })
    expect(applyFieldMap(own, { ...row, attr_colour: 'blue', attr_size: 7 })['attributes']).toEqual({
      colour: 'red',
      size: 7,
    })
  })

  it('hands on attributes that are no object, to be judged', () => {
    const item = applyFieldMap(FieldMap.parse({ fields: {} }), { ...row, attributes: ['x'] })
    expect(cleanItem(item).findings.map(({ rule }) => rule)).toEqual(['wrong-type-ignored'])
  })

  it('leaves out other columns', () => {
    expect(applyFieldMap(FieldMap.parse({ fields: {} }), { id: 'a', colour: 'red' })).toEqual({ id: 'a' })
  })
})

describe('a map', () => {
  const fields = { id: 'id', title: 'title' }

  it.each([
    ['an unknown field', { fields: { ...fields, colour: 'c' } }, /"colour".*\n.*at fields/],
    ['an unknown member', { fields, rules: [] }, /"rules"/],
    [
      'an unknown option',
      { fields: { ...fields, price: { from: 'p', minorUnit: 2 } } },
      /"minorUnit".*\n.*fields\.price/,
    ],
    [
      'a wrong option',
      { fields: { ...fields, price: { from: 'p', minorUnits: 9 } } },
      /<=4\n.*fields\.price\.minorUnits/,
    ],
    [
      'options beside a constant',
      { fields: { ...fields, price: { constant: 1, from: 'a' } } },
      /"constant"|"from"/,
    ],
    ['a rule of no form', { fields: { ...fields, price: { column: 'a' } } }, /expected the name of a column/],
    ['an empty name', { fields: { ...fields, price: '' } }, />=1 characters\n.*fields\.price/],
    ['a number', { fields: { ...fields, price: 7 } }, /expected the name of a column/],
    ['no column', { fields: { ...fields, price: { from: [] } } }, />=1 items\n.*fields\.price\.from/],
    [
      'an unknown option of an attribute',
      { fields, attributes: [{ prefix: 'a', name: 'b' }] },
      /"name".*\n.*attributes\[0\]/,
    ],
    [
      'an unknown kind',
      { fields, attributes: [{ from: 'a', as: 'date' }] },
      /"as": .*"text"\|"number"\|"boolean"/,
    ],
    [
      'an attribute of no form',
      { fields, attributes: ['a'] },
      /expected \{ "from": … \} or \{ "prefix": … \}/,
    ],
    ['fields without an id', { fields: { title: 't' } }, /must be given.*\n.*fields\.id/],
    ['fields without a title', { fields: { id: 'i' } }, /must be given.*\n.*fields\.title/],
    ['no fields', {}, /fields/],
  ])('with %s is refused, naming it', (_, value, message) => {
    expect(refusal(value)).toMatch(message)
  })

  it('in the manual and in the fixtures is accepted', () => {
    const manual = readFileSync('shared/quality/FIELD-MAP.md', 'utf8')
    const example = /```json\n([\s\S]*?)```/.exec(manual)![1]!
    const files = ['icecat', 'homedepot'].map((name) =>
      readFileSync(`test/fixtures/${name}.map.json`, 'utf8'),
    )
    for (const json of [example, ...files]) expect(refusal(JSON.parse(json))).toBe('accepted')
  })

  it('of the manual makes the item that the manual says', () => {
    const manual = readFileSync('shared/quality/FIELD-MAP.md', 'utf8')
    const example = FieldMap.parse(JSON.parse(/```json\n([\s\S]*?)```/.exec(manual)![1]!))
    const row = {
      ...{
        sku: 7,
        title_en: '',
        name: 'Lamp',
        short: 'Bright',
        long: 'and warm',
        supplier: 'Acme',
        path: 'N/A',
      },
      ...{ price_cents: '4995', ean: ['1', '2'], attr_n_watt: '5', attr_colour: 'red', attr_internal: 'x' },
    }
    expect(applyFieldMap(example, row)).toEqual({
      ...{
        id: 7,
        title: 'Lamp',
        description: 'Bright and warm',
        brand: 'Acme',
        price: 49.95,
        currency: 'EUR',
        stock: 0,
      },
      attributes: { ean: '1 2', watt: 5, n_watt: '5', colour: 'red' },
    })
  })

  it('never throws, whatever the row holds', () => {
    const maps = [
      FieldMap.parse({ fields: {} }),
      map({ price: { from: ['a', 'b'], ignore: ['x'], join: ' ', split: ' ', minorUnits: 2 } }, [
        { from: 'a', join: ' ', as: 'number' },
        { prefix: '', as: 'boolean' },
      ]),
    ]
    const hostile = fc.constant({ toString: 1, valueOf: 1 } as unknown)
    const value = fc.oneof(fc.jsonValue() as fc.Arbitrary<unknown>, hostile, fc.array(hostile))
    const row = fc.dictionary(
      fc.oneof(fc.constantFrom('a', 'b', 'id', 'attributes', '__proto__'), fc.string()),
      value,
    )
    fc.assert(
      fc.property(row, (fields) => {
        for (const one of maps) cleanItem(applyFieldMap(one, fields))
      }),
      { seed: 20_241, numRuns: 1_000 },
    )
  })
})
