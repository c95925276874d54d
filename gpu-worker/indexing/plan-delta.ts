/** @file Which rows of some batches change the index, and which of those need BERT. Pure. */
import type { BatchRow } from '../../shared/schema/jobs.ts'
import type { Segment } from '../../shared/segment/decode.ts'
import type { QuantisedVector } from '../../shared/vector/quantise.ts'

export type PlannedRow = {
  row: BatchRow /** Known vector of this content; null when it must be encoded. */
  vector: QuantisedVector | null
}
export type DeltaPlan = {
  /** Rows of the delta by number; tombstones included. */
  rows: PlannedRow[]
  /** How many have to be encoded. */
  toEncode: number
}

/** What the current index knows: versions by number and vectors by content. Built once for each published index. */
export type IndexedState = {
  versionOf(number: number): number
  vectorOf(contentHash: string): QuantisedVector | null
}

export function indexedState(segments: readonly Segment[]): IndexedState {
  const versions = new Map<number, number>()
  const byContent = new Map<string, { segment: Segment; row: number }>()
  for (const segment of segments)
    for (let row = 0; row < segment.rows; row++) {
      const number = segment.number[row]!
      versions.set(number, Math.max(versions.get(number) ?? 0, segment.version[row]!))
      if (segment.vectorScale[row]! > 0) byContent.set(segment.text.contentHash(row), { segment, row })
    }
  return {
    versionOf: (number) => versions.get(number) ?? 0,
    vectorOf(contentHash) {
      const found = byContent.get(contentHash)
      if (!found) return null
      const { segment, row } = found
      const codes = segment.vectors.slice(row * segment.dim, (row + 1) * segment.dim)
      return { codes, scale: segment.vectorScale[row]! }
    },
  }
}

/**
 * The newest version of each number counts, in whatever order rows come; rows that the index already shows are left out,
 * so that a message delivered twice plans nothing.
 */
export function planDelta(state: IndexedState, rows: Iterable<BatchRow>): DeltaPlan {
  const newest = new Map<number, BatchRow>()
  for (const row of rows) {
    if (row.version <= state.versionOf(row.number)) continue
    if (row.version > (newest.get(row.number)?.version ?? 0)) newest.set(row.number, row)
  }
  const planned = [...newest.values()]
    .sort((a, b) => a.number - b.number)
    .map((row) => ({ row, vector: row.item ? state.vectorOf(row.contentHash) : null }))
  return { rows: planned, toEncode: planned.filter(({ row, vector }) => row.item && !vector).length }
}
