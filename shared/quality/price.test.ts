import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCurrency, parsePrice } from './price.ts'

const amountOf = (text: string) => parsePrice(text)?.amount ?? null
const currencyOf = (text: string) => parsePrice(text)?.currency ?? null

describe('an amount', () => {
  it.each([
    ['5', 5],
    ['0', 0],
    ['.5', 0.5],
    [',5', 0.5],
    ['12.99', 12.99],
    ['12,99', 12.99],
    ['12,9', 12.9],
    ['1299', 1299],
    ['1,299', 1299],
    ['1.299', 1.299],
    ['0.299', 0.299],
    ['0,299', 0.299],
    ['12,9999', 12.9999],
    ['1,299.00', 1299],
    ['1.299,00', 1299],
    ['1.234.567', 1_234_567],
    ['1.234.567,89', 1_234_567.89],
    ['1,234,567.89', 1_234_567.89],
    ['1,29,999', 129_999],
    ['1 299,00', 1299],
    ['1 234 567', 1_234_567],
    ["1'299.50", 1299.5],
    ['1’299.50', 1299.5],
    ['-5', -5],
    ['−5', -5],
    ['12,-', 12],
    ['12.--', 12],
    ['1e3', 1000],
    ['1.5E-2', 0.015],
  ])('written %j is %d', (text, amount) => {
    expect(amountOf(text)).toBe(amount)
  })

  it.each([
    '',
    '-',
    'free',
    'NaN',
    'Infinity',
    '5-6',
    '5 - 6',
    '1.2.3',
    '1,2,3',
    '1.29.999,5,5',
    '12.345.67',
    '1 2',
    '5 €/kg 6',
    '--5',
    '-€-5',
    '5%',
    '5 pcs',
    '0x10',
    '1e',
    '$',
    '٣',
    '1'.repeat(65),
  ])('is not read from %j', (text) => {
    expect(parsePrice(text)).toBeNull()
  })

  it('of 64 characters is the longest that is read', () => {
    expect(amountOf(`${'0'.repeat(63)}5`)).toBe(5)
    expect(amountOf(`${'0'.repeat(64)}5`)).toBeNull()
  })

  it('is ambiguous with one dot before exactly three digits, and only then', () => {
    const isAmbiguous = (text: string) => parsePrice(text)!.ambiguous
    for (const text of ['1.299', '€ 1.299', '999.000', '1.299 KWD'])
      expect(isAmbiguous(text), text).toBe(true)
    for (const text of ['1,299', '1.29', '1.2999', '0.299', '1.299,00', '1.299.000', '1299.000'])
      expect(isAmbiguous(text), text).toBe(false)
  })

  it('with such a dot counts thousands beside a currency of two decimals', () => {
    expect(amountOf('1.299 €')).toBe(1299)
    expect(amountOf('1.299 KWD')).toBe(1.299)
    expect(amountOf('1.299')).toBe(1.299)
  })
})

describe('a currency', () => {
  it.each([
    ['12,99 €', 12.99, 'EUR'],
    ['€12.99', 12.99, 'EUR'],
    ['EUR 12.99', 12.99, 'EUR'],
    ['1.299,00 EUR', 1299, 'EUR'],
    ['12.99usd', 12.99, 'USD'],
    ['$5', 5, 'USD'],
    ['-$5', -5, 'USD'],
    ['$-5', -5, 'USD'],
    ['US$ 5', 5, 'USD'],
    ['$5 USD', 5, 'USD'],
    ['CAD $5', 5, 'CAD'],
    ['CAD$5', 5, 'CAD'],
    ['A$5', 5, 'AUD'],
    ['£5', 5, 'GBP'],
    ['¥500', 500, 'JPY'],
    ['500円', 500, 'JPY'],
    ['99元', 99, 'CNY'],
    ['Rs. 500', 500, 'INR'],
    ['CHF 1’299.-', 1299, 'CHF'],
    ['1 299 kr', 1299, 'SEK'],
    ['99 NOK', 99, 'NOK'],
    ['10 zł', 10, 'PLN'],
  ])('beside its amount is read from %j', (text, amount, currency) => {
    expect(parsePrice(text)).toMatchObject({ amount, currency })
  })

  it('that several countries share is not sure, unless its code stands beside it', () => {
    const isSure = (text: string) => parsePrice(text)!.currencyIsSure
    for (const text of ['$5', '¥5', '5 kr', 'Rs 5', 'Fr. 5']) expect(isSure(text), text).toBe(false)
    for (const text of ['€5', 'US$5', '$5 CAD', '5 NOK']) expect(isSure(text), text).toBe(true)
    expect(isSure('5')).toBe(false)
  })

  it('that contradicts another makes no price', () => {
    expect(parsePrice('€5 USD')).toBeNull()
    expect(parsePrice('5 EUR GBP')).toBeNull()
    expect(currencyOf('€5 EUR')).toBe('EUR')
  })

  it.each([
    ['eur', 'EUR'],
    ['XTS', 'XTS'],
    ['€', 'EUR'],
    ['zł', 'PLN'],
    ['$', 'USD'],
    ['EURO', 'EUR'],
    ['coins', null],
    ['EU', null],
    ['978', null],
    ['ÄÖÜ', null],
  ])('field %j is %j', (text, code) => {
    expect(parseCurrency(text)).toBe(code)
  })
})

describe('laws', () => {
  const seeded = { seed: 20_241, numRuns: 1_000 }
  const cents = fc.integer({ min: 0, max: 999_999_999 })
  const groups = (digits: string, separator: string) => digits.replace(/\B(?=(\d{3})+$)/g, separator)

  it('an amount written in any country reads as the same number', () => {
    fc.assert(
      fc.property(cents, (value) => {
        const whole = String(Math.floor(value / 100))
        const part = String(value % 100).padStart(2, '0')
        for (const [group, point] of [',.', '.,', ' ,', ' .', "'.", '’.'].map((pair) => [...pair]))
          expect(amountOf(groups(whole, group!) + point + part)).toBe(value / 100)
        expect(amountOf(`${whole}.${part}`)).toBe(value / 100)
      }),
      seeded,
    )
  })

  it('a sign in front only turns the sign of the amount', () => {
    fc.assert(
      fc.property(cents, (value) => {
        const text = `${(value / 100).toFixed(2)} €`
        expect(amountOf(`-${text}`)).toBe(-amountOf(text)!)
      }),
      seeded,
    )
  })

  it('never throws, and what it reads is a finite number or an overflow', () => {
    const text = fc.string({ unit: fc.constantFrom(..."0123456789.,'- €$eEkrRsUD’+"), maxLength: 64 })
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (raw) => {
        const parsed = parsePrice(raw)
        if (parsed !== null) expect(parsed.amount).not.toBeNaN()
      }),
      seeded,
    )
  })
})
