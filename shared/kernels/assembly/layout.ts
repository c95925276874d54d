/**
 * @file What lies where. The host writes these records; kernels own no memory of their own, so that two of them cannot
 * overwrite each other. Every field has 4 bytes unless it says so; `../kernels.ts` is the same table for the host.
 */

/** The vectors of a segment. Arrays have room for a multiple of 32 rows; the rows beyond `rows` are zero. */
@unmanaged
export class Part {
  /** u8[rows, dim], row-major, 7 bits each; see `dot.ts`. */
  codes: usize
  /** f32[rows]: value · scale = component. */
  scales: usize
  /** u32[rows]: item numbers, which order equal scores. */
  numbers: usize
  /** u32[rows / 32]: bit i of word w lets row 32 w + i be an answer. */
  mask: usize
  /** Signs in blocks of 16 rows, see `signs.ts`. */
  signs: usize
  /** i16[rows]: gain of a row in units of 2⁻¹⁵, see `signs.ts`. */
  gains: usize
  rows: u32
  /** A multiple of 64. */
  dim: u32
  /** Added to a row, it gives the document. */
  base: u32
}

/** One query vector. */
@unmanaged
export class Query {
  /** i8[dim]: values, |value| ≤ 63. */
  values: usize
  /** 64 · Σ values. */
  offset: i32
  /** f64, 8 bytes: value · scale = component; > 0. */
  scale: f64
}

/** The best documents so far: a heap with the worst on top. `entries` has room for `capacity`. */
@unmanaged
export class Heap {
  size: u32
  capacity: u32
  entries: usize
}

/** An entry of a heap. */
@unmanaged
export class Entry {
  score: f32
  number: u32
  doc: u32
}
export const ENTRY_BYTES: usize = 12

/** Rows that a scan of signs found promising. */
@unmanaged
export class Candidates {
  /** u32[4 · wanted + 32]; behind the first `count` is scratch of `rescore`. */
  rows: usize
  /** i16[4 · wanted + 32]. */
  scores: usize
  /** u32[2 · scoreMax + 1]. */
  histogram: usize
  /** How many are asked for, > 0. */
  wanted: u32
  /** No estimate is larger, nor smaller than its negative. */
  scoreMax: u32
  count: u32
}

/** Candidates of which some are to be chosen. */
@unmanaged
export class Pool {
  /** u8[count, dim]. */
  codes: usize
  /** f32[count]. */
  scales: usize
  /** f32[count]. */
  relevance: usize
  /** f32[count], scratch. */
  state: usize
  /** f32[count, stride], scratch of `chooseDpp`; stride is `wanted` rounded up to 4. */
  factors: usize
  /** i8[dim], scratch. */
  values: usize
  /** u32[wanted], the result: indices in the order of choice. */
  chosen: usize
  count: u32
  dim: u32
  wanted: u32
}
