import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { joinMeasures, measureTerms } from './units.ts'

const numbers = (text: string) => new Set(text.match(/\d+/g))

describe('measures', () => {
  it.each([
    ['12 in.', '12 inch', '12-inch', '12"', '12in'],
    ['3/4 in. x 5 ft.', '3/4-Inch x 5 feet', '3/4" x 5\''],
    ['1.9 cu. ft.', '1.9 cubic feet', '1.9cuft'],
    ['18-Volt', '18 volts', '18V'],
    ['5 gal', '5-gallon', '5 gallons'],
  ])('are the same in other spellings: %s', (first, ...others) => {
    for (const other of others) expect(new Set(analyse(other))).toEqual(new Set(analyse(first)))
  })
  it('keep a fraction apart from the whole number of its digits', () => {
    expect(measureTerms('1/2in')).toEqual(['1/2in', '1/2', 'in', '1', '2'])
    expect(analyse('1/2 in.')).not.toContain('12in')
  })
  it('are no model names', () => {
    for (const word of ['mx500', 'm2', 'i7-940', 'dv7-1211ea']) expect(measureTerms(word)).toBeNull()
  })
  it('leave words alone that only look like units', () => {
    expect(joinMeasures('made in usa for men')).toBe('made in usa for men')
    expect(joinMeasures('2 inches-thick mat')).toBe('2in -thick mat')
  })
  it('never lose or invent a number', () => {
    const text = fc.array(
      fc.constantFrom('12', '3/4', ' ', 'in.', 'inch', '-', 'ft', '"', 'x', 'gal', 'pipe', '1.0'),
    )
    fc.assert(
      fc.property(text, (parts) => {
        const typed = parts.join(' ')
        expect(numbers(joinMeasures(typed))).toEqual(numbers(typed))
      }),
    )
  })
})
