import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { basicTokens, createWordPiece } from './wordpiece.ts'

const VOCABULARY = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'lamp',
  '##s',
  'a',
  '##a',
  '灯',
  '😀',
  '##😀',
  '!',
]
const wordPiece = createWordPiece({ vocabulary: VOCABULARY, lowercase: true })

describe('basicTokens', () => {
  it('gives plain ASCII the tokens that it has beside other letters', () => {
    const ascii = fc.string({ unit: 'binary-ascii' })
    fc.assert(
      fc.property(ascii, fc.boolean(), (text, lowercase) => {
        expect(basicTokens(`${text} 灯`, lowercase)).toEqual([...basicTokens(text, lowercase), '灯'])
      }),
      { seed: 1, numRuns: 500 },
    )
  })
  it('sets ideograms and punctuation apart and drops what has no width', () => {
    expect(basicTokens('LED灯A4, «Café»\u200b\u0000x', true)).toEqual([
      ...['led', '灯', 'a4', ',', '«', 'cafe', '»', 'x'],
    ])
    expect(basicTokens('Café', false)).toEqual(['Café'])
    expect(basicTokens(' \t\n', true)).toEqual([])
  })
})

describe('createWordPiece', () => {
  it('takes the longest piece first, also where characters have two code units', () => {
    expect(wordPiece.tokens('Lamps 灯灯 a😀a!')).toEqual(['lamp', '##s', '灯', '灯', 'a', '##😀', '##a', '!'])
    expect(wordPiece.tokens('😀😀 lampz')).toEqual(['😀', '##😀', '[UNK]'])
  })
  it('gives [UNK] for a word of more than 100 characters, however wide they are', () => {
    expect(wordPiece.tokens('a'.repeat(100))).toHaveLength(100)
    expect(wordPiece.tokens('a'.repeat(101))).toEqual(['[UNK]'])
    expect(wordPiece.tokens('😀'.repeat(100))).toHaveLength(100)
  })
  it('looks at the start of a very long text only', () => {
    for (const text of [
      'a'.repeat(100_000),
      'lamp '.repeat(20_000),
      '灯'.repeat(100_000),
      ' '.repeat(100_000),
    ])
      expect([...wordPiece.encode(text, 64)]).toEqual([...wordPiece.encode(text.slice(0, 2_000), 64)])
  })
  it('names the special token that the vocabulary lacks', () => {
    expect(() =>
      createWordPiece({ vocabulary: ['[PAD]', '[CLS]', '[SEP]', '[MASK]'], lowercase: true }),
    ).toThrow('The vocabulary has no [UNK].')
  })
})
