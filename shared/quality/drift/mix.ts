/** @file Counts of named things (categories, brands, queries), bounded, and two of them brought to the same bins. */
import type { Mix } from '../../schema/drift.ts'

export const MIX_KEYS_MAX = 100
/** Pooled counts below this are one bin: divergences of rarer ones are chance. */
const POOLED_MIN = 10

export function mixOf(counts: ReadonlyMap<string, number>, keysMax = MIX_KEYS_MAX): Mix {
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : a > b ? 1 : 0))
  const rest = sorted.slice(keysMax)
  return { counts: sorted.slice(0, keysMax), other: rest.reduce((sum, [, count]) => sum + count, 0) }
}

export const totalOf = ({ counts, other }: Mix): number =>
  counts.reduce((sum, [, count]) => sum + count, other)

export type Bins = { names: string[]; a: number[]; b: number[] }

/**
 * The same bins for both. A name that one of them has only among its others cannot be compared and goes to the others of both; so do
 * rare ones.
 */
export function alignMixes(a: Mix, b: Mix): Bins {
  const [inA, inB] = [new Map(a.counts), new Map(b.counts)]
  const bins: Bins = { names: [], a: [], b: [] }
  let [otherA, otherB] = [a.other, b.other]
  for (const name of new Set([...inA.keys(), ...inB.keys()])) {
    const [x, y] = [inA.get(name) ?? 0, inB.get(name) ?? 0]
    const isKnown = (inA.has(name) || a.other === 0) && (inB.has(name) || b.other === 0)
    if (isKnown && x + y >= POOLED_MIN) {
      bins.names.push(name)
      bins.a.push(x)
      bins.b.push(y)
    } else {
      otherA += x
      otherB += y
    }
  }
  if (otherA + otherB > 0) {
    bins.names.push('…')
    bins.a.push(otherA)
    bins.b.push(otherB)
  }
  return bins
}

/** The bin that changed its share most, in words. */
export function mostChanged({ names, a, b }: Bins): string {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  const [n, m] = [Math.max(1, sum(a)), Math.max(1, sum(b))]
  const changes = names.map((_, at) => b[at]! / m - a[at]! / n)
  const most = changes.reduce(
    (best, change, at) => (Math.abs(change) > Math.abs(changes[best]!) ? at : best),
    0,
  )
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  return names.length === 0
    ? ''
    : `"${names[most]}" from ${percent(a[most]! / n)} to ${percent(b[most]! / m)}`
}
