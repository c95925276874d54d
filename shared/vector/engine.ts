/**
 * @file What keeps the quantised vectors of segments and ranks them. Two implementations: `wasm-engine.ts` serves, and
 * `plain-engine.ts` says in a few lines what it must answer.
 */
import type { KernelName } from '../kernels/kernels.ts'
import type { ChoiceRule } from './plain-diversify.ts'

/** What a row has beside its vector. */
export type RowValues = {
  /** f32[rows]; 0 where a row has no vector. What is negative or not finite counts as 0. */
  scales: Float32Array
  /** u32[rows]: equal scores are ordered by these. */
  numbers: Uint32Array
}
/** Vectors as a segment has them; see `quantise.ts`. */
export type VectorRows = RowValues & {
  dim: number
  /** u8[rows, dim], 7 bits each. */
  codes: Uint8Array
}
/** Rows `from` to `to`, the last one not included. */
export type RowRange = { from: number; to: number }
/** How a part answers that does not answer as it should: by estimates, or not at all. */
export type Shortfall = 'estimated' | 'missing'

/** The vectors of one segment in an engine. */
export type VectorPart = {
  readonly rows: number
  readonly dim: number
}
/** A part in an index: row r is document `base + r`, and bit r % 32 of `mask[r / 32]` says whether it may be an answer. */
export type Target = { part: VectorPart; base: number; mask: Uint32Array }
export type VectorMatch = { doc: number; score: number }

export type EngineState = {
  kernels: KernelName | 'plain'
  /** Bytes of memory that the engine holds, whether in use or kept for later. */
  residentBytes: number
  /** Bytes of it that are in use. */
  usedBytes: number
  /** Rows whose scores are estimates, because their vectors did not fit in the budget. */
  estimatedRows: number
  /** Rows that are not ranked at all, for the same reason. */
  missingRows: number
}

export type VectorEngine = {
  state(): EngineState
  /** How many bytes parts may take from now on: gives up what no longer fits and can be done without. */
  limit(bytesMax: number): void
  /** Copies what it needs: nothing refers to `rows` after it. */
  place(rows: VectorRows): VectorPart
  /**
   * `place` for vectors that come in pieces, in this order: `reserve`, `write` until all are there, `complete`, and `give` for as long
   * as rows are `wanted`. Until then the part finds nothing. What is done to a part that was released has no effect.
   *
   * @param dim a multiple of `DIM_STEP`, `DIM_MAX` at most
   */
  reserve(rows: number, dim: number): VectorPart
  /** @param offset of `bytes` in u8[rows, dim] */
  write(part: VectorPart, offset: number, bytes: Uint8Array): void
  complete(part: VectorPart, values: RowValues): void
  /** Rows whose codes should be given next, again: they did not fit when they came, or were given up since. */
  wanted(part: VectorPart): RowRange | null
  /** @param codes u8[to - from, dim] of the rows that are wanted; others are not taken */
  give(part: VectorPart, from: number, codes: Uint8Array): void
  /**
   * Takes room for what was given up of a part, when there is some that nothing else takes: then rows are wanted. Until all have been given
   * it answers as before.
   */
  regain(part: VectorPart, values: RowValues): boolean
  /** Null where all is well, and for what the engine was never given. */
  shortfall(part: VectorPart): Shortfall | null
  /** The part of an index that is no longer the newest: it goes on answering, until its room is needed. */
  retire(part: VectorPart): void
  /** Frees the room of a part. A search that still names it does not find its rows. */
  release(part: VectorPart): void
  /**
   * Best documents by dot product, best first, equal scores by item number. Parts of another dimension are left out.
   *
   * @param query f32[dim]; one that is not finite finds nothing
   */
  search(targets: readonly Target[], query: Float32Array, limit: number): VectorMatch[]
  /** `search` for up to four queries in one pass, all of one dimension. */
  searchMany(targets: readonly Target[], queries: readonly Float32Array[], limit: number): VectorMatch[][]
  /** Scores of some rows, 0 for those without a vector. f32[rows.length] */
  scoresOf(part: VectorPart, rows: readonly number[], query: Float32Array): Float32Array
  /** f32[dim], null where the row has none. */
  vectorOf(part: VectorPart, row: number): Float32Array | null
  /**
   * A varied list out of candidates: indices in the order of choice. One without a vector is like no other.
   */
  choose(candidates: readonly VariedCandidate[], rule: ChoiceRule, wanted: number): number[]
}
export type VariedCandidate = { part: VectorPart; row: number; relevance: number }

export const QUERIES_MAX = 4

/** May row r be an answer? */
export const isOpen = (mask: Uint32Array, row: number): boolean =>
  ((mask[row >>> 5]! >>> (row & 31)) & 1) === 1

/** Bits for the rows that pass. u32[rows / 32] */
export function maskOf(rows: number, isOpenRow: (row: number) => boolean): Uint32Array {
  const mask = new Uint32Array(Math.ceil(rows / 32))
  for (let row = 0; row < rows; row++) if (isOpenRow(row)) mask[row >>> 5]! |= 1 << (row & 31)
  return mask
}

/** As a scale counts: positive and finite, or 0. */
export const scaleOf = (scale: number): number => (scale > 0 && Number.isFinite(scale) ? scale : 0)
