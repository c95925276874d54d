import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headsOf, nounPhrases } from './heads.ts'

describe('the nouns that say what a thing is', () => {
  it.each([
    ['Keyboard cover', ['cover']],
    ['HP Pavilion dv7 Notebook Silver 43.2 cm (17") Intel Core', ['pavilion', 'notebook', 'core']],
    ['StarTech.com 3 ft USB 2.0 Cable for Fuji Digital Camera', ['usb', 'cable']],
    ['Origin Storage Laptop Internal UK Keyboard for D410', ['keyboard']],
    ['Whirlpool 1.9 cu. ft. Over the Range Microwave in Stainless Steel', ['microwave']],
    ['3M 2 in. x 15 ft. Safety Walk Step and Ladder Tread Tape', ['tape']],
    ['Sony in-ear headphones, black, 2 pcs.', ['headphones']],
    ['HP 364XL', []],
    ['', []],
  ])('of "%s" are %j', (title, heads) => {
    expect(headsOf(title, title.split(' ')[0])).toEqual(heads)
  })
  it('come with the words before them that narrow them down', () => {
    expect(nounPhrases('Canon green ink cartridge', 'Canon')).toEqual([['green', 'ink', 'cartridge']])
  })
  it('of a query: what is looked for comes before what it is for', () => {
    expect(headsOf('laptop bag').at(-1)).toBe('bag')
    expect(headsOf('case for ipad').at(-1)).toBe('case')
  })
  it('are words of the text, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        for (const head of headsOf(text)) expect(head).toMatch(/^[\p{L}\p{N}]/u)
        for (const words of nounPhrases(text)) expect(words.length).toBeGreaterThan(0)
      }),
    )
  })
})
