import { describe, expect, it } from 'vitest'
import { SPECIAL_TOKENS, trainWordPiece } from './train-wordpiece.ts'
import { createWordPiece } from './wordpiece.ts'

const TEXTS = [
  'wireless speaker',
  'wireless headphones',
  'wired speaker',
  '无线音箱',
  'speaker stand',
].flatMap((text) => Array<string>(5).fill(text))

describe('trainWordPiece', () => {
  it('starts with the special tokens, holds no piece twice and keeps to the size', () => {
    const vocabulary = trainWordPiece(TEXTS, { size: 80, lowercase: true })
    expect(vocabulary.slice(0, 5)).toEqual([...SPECIAL_TOKENS])
    expect(new Set(vocabulary).size).toBe(vocabulary.length)
    expect(vocabulary.length).toBeLessThanOrEqual(80)
  })
  it('gives the same vocabulary for the same texts', () => {
    const options = { size: 60, lowercase: true }
    expect(trainWordPiece(TEXTS, options)).toEqual(trainWordPiece(TEXTS, options))
  })
  it('makes a frequent word one piece and can spell a word that it never saw', () => {
    const wordPiece = createWordPiece({
      vocabulary: trainWordPiece(TEXTS, { size: 200, lowercase: true }),
      lowercase: true,
    })
    expect(wordPiece.tokens('Speaker')).toEqual(['speaker'])
    expect(wordPiece.tokens('spears').join('').replaceAll('##', '')).toBe('spears')
    expect(wordPiece.tokens('无线')).toEqual(['无', '线'])
  })
})
