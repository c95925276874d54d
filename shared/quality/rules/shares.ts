/** @file The usual value: what nearly all say, where enough have said anything. */

export type Usual<Value extends string> = { value: Value; count: number; of: number }

/**
 * @param countMin how many must have said something
 * @param shareMin share of them that must say the same, above one half
 * @returns the value that is usual; null when none is
 */
export function usualOf<Value extends string>(
  counts: ReadonlyMap<Value, number>,
  countMin: number,
  shareMin: number,
): Usual<Value> | null {
  let of = 0
  let most: [Value, number] | null = null
  for (const [value, count] of counts) {
    of += count
    if (most === null || count > most[1]) most = [value, count]
  }
  return most && of >= countMin && most[1] >= shareMin * of ? { value: most[0], count: most[1], of } : null
}

export const percentOf = ({ count, of }: Pick<Usual<string>, 'count' | 'of'>): string =>
  `${Math.floor((100 * count) / of)} % of ${of}`
