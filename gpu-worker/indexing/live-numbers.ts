import type { Published } from './index-store.ts'

/** Numbers of the items that an index shows: the newest row of each, where it is no tombstone. */
export function liveNumbers({ segments, state }: Pick<Published, 'segments' | 'state'>): Set<number> {
  const numbers = new Set<number>()
  for (const { rows, number, version, live } of segments)
    for (let row = 0; row < rows; row++)
      if (live[row] === 1 && version[row] === state.versionOf(number[row]!)) numbers.add(number[row]!)
  return numbers
}
