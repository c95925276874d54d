import { describe, expect, it } from 'vitest'
import { readWords } from './words.ts'

const sizes = (text: string) =>
  readWords(text)
    .words.filter(({ isNumber }) => isNumber)
    .map(({ term, unit }) => `${term}${unit}`)
const named = (text: string) => {
  const { words, headEnd } = readWords(text)
  return words.slice(0, headEnd).map(({ source }) => source)
}

describe('readWords', () => {
  it.each([
    ['8ft', '8 ft.', '8-foot', '8 feet'],
    ['1-1/2 in.', '1 1/2"', '1-1/2-Inch'],
    ['4x8', '4 x 8', '4*8', '4 X 8'],
    ['1,000 sq. ft.', '1000 square feet'],
    ['2.0 gal', '2 gallons'],
  ])('reads a size alike in other spellings: %s', (first, ...others) => {
    for (const other of others) expect(sizes(other), other).toEqual(sizes(first))
  })

  it('keeps model names whole', () => {
    const terms = (text: string) => readWords(text).words.map(({ term }) => term)
    expect(terms('Honeywell R8184G1427')).toEqual(['honeywel', 'r8184g1427'])
    expect(terms('t8 mx500')).toEqual(['t8', 'mx500'])
  })

  it('tells what a title names from what follows', () => {
    expect(named('Hampton Bay Ceiling Fan in Brushed Nickel')).toEqual(['hampton', 'bay', 'ceiling', 'fan'])
    expect(named('Cordless Drill, 18 V, with Case')).toEqual(['cordless', 'drill'])
    expect(named('in the garden')).toEqual(['garden'])
  })

  it('reads Chinese by pairs of characters', () => {
    expect(readWords('红色台灯').words.map(({ term }) => term)).toEqual(['红色', '色台', '台灯'])
  })
})
