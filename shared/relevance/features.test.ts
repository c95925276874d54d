import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCatalogue } from './catalogue.ts'
import { FEATURES, featureRows, type Pair } from './features.ts'

const catalogue = createCatalogue([
  'Acme 18-Volt Cordless Drill',
  'Acme 3/4 in. Drill Bit for Wood',
  'Acme Fireplace Screen in Black',
  'Bolt 8 ft. Steel Ladder with Tray',
  'Bolt 6 ft. Aluminum Ladder',
  'Acme Ceiling Fan, White',
  'Acme Ceiling Lamp in White',
  'Acme Toilet Seat',
])
const read = (query: string, title: string, ...names: string[]) => {
  const [row] = featureRows(catalogue, [{ query, title }], names)
  return names.length === 1 ? row![0]! : [...row!]
}

describe('the features of a pair', () => {
  it('see a word in another form, mistyped, joined and apart', () => {
    for (const query of ['drills', 'drill', 'dril'])
      expect(read(query, 'Acme 18-Volt Cordless Drill', 'foundShare')).toBe(1)
    expect(read('fire place', 'Acme Fireplace Screen', 'foundShare')).toBe(1)
    expect(read('fireplace', 'Acme Fire Place Screen', 'foundShare')).toBe(1)
    expect(read('ladder', 'Acme Ceiling Fan', 'foundShare')).toBe(0)
  })

  it('take a word that no title has for what it may have meant', () => {
    expect(read('toliet', 'Acme Toilet Seat', 'sameShare', 'queryUnknown')).toEqual([1, 0])
  })

  it('tell a size that agrees from one that differs', () => {
    const asked = (title: string) => read('8ft ladder', title, 'sizesAgree', 'sizesDiffer')
    expect(asked('Bolt 8-Foot Ladder')).toEqual([1, 0])
    expect(asked('Bolt 6 ft. Ladder')).toEqual([0, 1])
    expect(asked('Bolt Ladder')).toEqual([0, 0])
  })

  it('know what a title names, and which words are brands', () => {
    expect(read('drill', 'Acme Cordless Drill', 'isTitleHeadAsked')).toBe(1)
    expect(read('drill', 'Acme Bit for Drill', 'isTitleHeadAsked')).toBe(0)
    expect(read('acme fan', 'Acme Ceiling Fan', 'likenessBrand')).toBe(1)
    expect(read('acme fan', 'Bolt Ceiling Fan', 'likenessBrand')).toBeLessThan(1)
  })

  it('rank a title among what the query finds', () => {
    expect(read('ladder', 'Bolt 8 ft. Steel Ladder with Tray', 'headAmongFound')).toBe(1)
    expect(read('steel ladder', 'Bolt 8 ft. Steel Ladder with Tray', 'rank')).toBe(0)
    expect(read('steel ladder', 'Bolt 6 ft. Aluminum Ladder', 'rank')).toBeGreaterThan(0)
  })

  it('give 0 for a name that nobody knows', () => {
    expect(read('drill', 'Acme Drill', 'noSuchFeature')).toBe(0)
  })

  it('are finite for any texts, and the same in any company', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.constantFrom('drill bit 3/4', 'acme 8ft', '红色台灯', ''),
    )
    const pair: fc.Arbitrary<Pair> = fc.record({ query: text, title: text })
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 6 }), (pairs) => {
        const rows = featureRows(catalogue, pairs, FEATURES)
        pairs.forEach((one, at) => {
          expect(rows[at]!.every(Number.isFinite)).toBe(true)
          expect(featureRows(catalogue, [one], FEATURES)[0]).toEqual(rows[at])
        })
      }),
      { seed: 4, numRuns: 150 },
    )
  })
})
