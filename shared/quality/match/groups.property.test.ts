import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COHESION_MIN, canonicalOf, groupMatches, type MatchedPair } from './groups.ts'

const pair = fc
  .record({ left: fc.nat(12), right: fc.nat(12), likeness: fc.double({ min: 0, max: 1, noNaN: true }) })
  .filter(({ left, right }) => left < right)
const pairs = fc.uniqueArray(pair, { selector: ({ left, right }) => `${left} ${right}`, maxLength: 25 })

describe('groups of duplicates', () => {
  it('have two members or more, which are in no other group, and are as cohesive as they say', () => {
    fc.assert(
      fc.property(pairs, (matched) => {
        const groups = groupMatches(matched)
        const members = groups.flatMap((group) => group.members)
        expect(new Set(members).size).toBe(members.length)
        for (const group of groups) {
          expect(group.members.length).toBeGreaterThanOrEqual(2)
          expect(group.cohesion).toBeGreaterThanOrEqual(COHESION_MIN)
          expect(group.cohesion).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  it('do not depend on the order of the pairs', () => {
    fc.assert(
      fc.property(pairs, (matched) => {
        expect(groupMatches(matched.toReversed())).toEqual(groupMatches(matched))
      }),
    )
  })

  it('are cut at the pair that is least likely, where two things hang together by one', () => {
    const clique = (places: number[]): MatchedPair[] =>
      places.flatMap((left) =>
        places.filter((right) => right > left).map((right) => ({ left, right, likeness: 0.9 })),
      )
    const bridge = { left: 2, right: 3, likeness: 0.6 }
    expect(
      groupMatches([...clique([0, 1, 2]), bridge, ...clique([3, 4, 5])]).map(({ members }) => members),
    ).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ])
  })

  it('are merged into the record that says most, of equal ones the first', () => {
    const group = { members: [3, 5, 7], cohesion: 1 }
    const characters = new Map([
      [3, 10],
      [5, 40],
      [7, 40],
    ])
    expect(canonicalOf(group, (place) => characters.get(place)!)).toBe(5)
  })
})
