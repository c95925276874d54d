/** @file When deltas become fewer, larger segments. Pure. */

/** Small segments that may pile up: each costs a search one dictionary look-up per term. */
export const SEGMENTS_MAX = 8
/** A segment takes part in a merge when it is at most this share of all that is merged with it. */
const TIER_RATIO = 0.5
/** No merge makes a larger segment: a shard holds several, and moves one at a time. */
export const SEGMENT_BYTES_MAX = 32 * 1024 * 1024

/** Rows that are written into one segment at a time: about 30 MB of real products. */
export const ROWS_PER_SEGMENT = 20_000

export type MergeCandidate = {
  rows: number
  /** Of its files. */
  bytes: number
  /** Rows that are the newest of their number. */
  newest: number
}

/** Large enough to be left alone, and most of it still counts. */
export const isFull = ({ rows, bytes, newest }: MergeCandidate, bytesMax = SEGMENT_BYTES_MAX): boolean =>
  bytes >= bytesMax / 2 && newest >= rows / 2

/**
 * The newest segments that are merged into one, as the index of the first; null when there are few enough. Starts with the
 * newest and goes on while the next older one is not much larger than what is collected, so that a large segment is
 * rewritten only when what piled up on it is worth it: an item is rewritten O(log n) times.
 * Source: the tiering of log-structured merge trees, O'Neil et al. 1996.
 *
 * @param segments oldest first, without the full ones
 */
export function planMerge(
  segments: readonly Pick<MergeCandidate, 'rows' | 'bytes'>[],
  segmentsMax = SEGMENTS_MAX,
  bytesMax = SEGMENT_BYTES_MAX,
): number | null {
  if (segments.length <= segmentsMax) return null
  let from = segments.length - 1
  let { rows: collected, bytes } = segments[from]!
  while (from > 0) {
    const older = segments[from - 1]!
    const tooManyLeft = from > segmentsMax / 2
    if (!tooManyLeft && older.rows > collected / TIER_RATIO) break
    if (bytes + older.bytes > bytesMax) break
    collected += older.rows
    bytes += older.bytes
    from--
  }
  return from < segments.length - 1 ? from : null
}
