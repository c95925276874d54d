/**
 * @file Numbers as counts in the cells of a fixed logarithmic grid, so that snapshots made at different times can be compared: no
 * cell depends on the data. Cells are brought to about ten bins of equal weight when two are compared.
 */
import type { Mix } from '../../schema/drift.ts'
import type { Bins } from './mix.ts'

/** Cells for a factor of e: a cell is 13 % wide, less than a usual change of all prices that matters. */
const CELLS_PER_E = 8
const CELLS_MAX = 160
const BINS_MAX = 10
const POOLED_MIN = 10

/** "0" for zero, "-5" and "5" by sign and size; sizes beyond the grid lie in its last cell. */
export function cellOf(value: number): string {
  if (value === 0) return 'zero'
  const cell = Math.round(Math.log(Math.abs(value)) * CELLS_PER_E)
  const bounded = Math.max(-CELLS_MAX / 2, Math.min(CELLS_MAX / 2, cell))
  return value < 0 ? `-${bounded}` : `${bounded}`
}

const rankOf = (name: string): number => (name === 'zero' ? Number.NEGATIVE_INFINITY : Number(name))

/** Neighbouring cells are joined until each bin holds about a tenth of both together; the same bins whichever comes first. */
export function alignHistograms(a: Mix, b: Mix): Bins {
  const [inA, inB] = [new Map(a.counts), new Map(b.counts)]
  const names = [...new Set([...inA.keys(), ...inB.keys()])].sort((x, y) => rankOf(x) - rankOf(y))
  const pooled = (name: string) => (inA.get(name) ?? 0) + (inB.get(name) ?? 0)
  const total = names.reduce((sum, name) => sum + pooled(name), 0)
  const wanted = Math.max(POOLED_MIN, total / BINS_MAX)
  const bins: Bins = { names: [], a: [], b: [] }
  let open = { first: '', a: 0, b: 0 }
  const close = (last: string) => {
    bins.names.push(`${boundOf(open.first, -0.5)} to ${boundOf(last, 0.5)}`)
    bins.a.push(open.a)
    bins.b.push(open.b)
    open = { first: '', a: 0, b: 0 }
  }
  names.forEach((name, at) => {
    if (open.first === '') open.first = name
    open.a += inA.get(name) ?? 0
    open.b += inB.get(name) ?? 0
    if (open.a + open.b >= wanted || at === names.length - 1) close(name)
  })
  return bins
}

const boundOf = (name: string, side: number): string =>
  name === 'zero' ? '0' : String(Number(Math.exp((Number(name) + side) / CELLS_PER_E).toPrecision(2)))
