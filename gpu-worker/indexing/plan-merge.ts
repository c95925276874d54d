/** @file When deltas become fewer, larger segments. Pure. */
import type { SegmentRef } from '../../shared/schema/manifest.ts'

/** Small segments that may pile up: each costs a search one dictionary look-up per term. */
export const SEGMENTS_MAX = 8
/** A segment takes part in a merge when it is at most this share of all that is merged with it. */
const TIER_RATIO = 0.5

/**
 * The newest segments that are merged into one, as the index of the first; null when there are few enough. Starts with the
 * newest and goes on while the next older one is not much larger than what is collected, so that a large segment is
 * rewritten only when what piled up on it is worth it: an item is rewritten O(log n) times.
 * Source: the tiering of log-structured merge trees, O'Neil et al. 1996.
 */
export function planMerge(
  segments: readonly Pick<SegmentRef, 'rows'>[],
  segmentsMax = SEGMENTS_MAX,
): number | null {
  if (segments.length <= segmentsMax) return null
  let from = segments.length - 1
  let collected = segments[from]!.rows
  while (from > 0) {
    const older = segments[from - 1]!.rows
    const tooManyLeft = from > segmentsMax / 2
    if (!tooManyLeft && older > collected / TIER_RATIO) break
    collected += older
    from--
  }
  return from
}
