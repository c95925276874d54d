/**
 * @file Which records are one thing: connected components of the matched pairs, cut where they hang together by a thread. One wrong
 * pair would else join two things, and theirs, to one.
 */
import type { PairPlaces } from './context.ts'

export type MatchedPair = PairPlaces & { likeness: number }
/** Places of two records or more, in order. */
export type Group = { members: number[]; cohesion: number }

/** Share of a group's pairs that are matches themselves: of three in a chain two of three are. */
export const COHESION_MIN = 0.6

/**
 * While a component is less cohesive than `COHESION_MIN`, its least likely pair is dropped.
 *
 * @param pairs of one table, each once
 * @returns     by their first member; does not depend on the order of the pairs
 * Cost: cutting a component of n pairs takes n passes over it at most.
 */
export function groupMatches(pairs: readonly MatchedPair[]): Group[] {
  const groups: Group[] = []
  const waiting = componentsOf(pairs)
  for (let component = waiting.pop(); component; component = waiting.pop()) {
    const members = [...new Set(component.flatMap(({ left, right }) => [left, right]))].sort((a, b) => a - b)
    const cohesion = component.length / ((members.length * (members.length - 1)) / 2)
    if (cohesion >= COHESION_MIN) groups.push({ members, cohesion })
    else waiting.push(...componentsOf(component.toSorted(likeliestFirst).slice(0, -1)))
  }
  return groups.sort((a, b) => a.members[0]! - b.members[0]!)
}

const likeliestFirst = (a: MatchedPair, b: MatchedPair): number =>
  b.likeness - a.likeness || a.left - b.left || a.right - b.right

/** Source: union by path halving, Tarjan and van Leeuwen 1984. */
function componentsOf(pairs: readonly MatchedPair[]): MatchedPair[][] {
  const parent = new Map<number, number>()
  const rootOf = (place: number): number => {
    let at = place
    for (let up = parent.get(at) ?? at; up !== at; up = parent.get(at) ?? at) {
      parent.set(at, parent.get(up) ?? up)
      at = up
    }
    return at
  }
  for (const { left, right } of pairs) parent.set(rootOf(left), rootOf(right))
  return [...Map.groupBy(pairs, ({ left }) => rootOf(left)).values()]
}

/**
 * The member that the others would be merged into: the one that says most.
 *
 * @param characters by place, of all values of a record; of equal ones the first is taken
 */
export const canonicalOf = ({ members }: Group, characters: (place: number) => number): number =>
  members.reduce((best, place) => (characters(place) > characters(best) ? place : best))
