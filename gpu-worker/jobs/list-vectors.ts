/** @file When nothing else is to do: put the vectors of a large index into inverted lists, and publish these beside it. */
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { ivfKeys } from '../../shared/schema/manifest.ts'
import { findDeadRows } from '../../shared/segment/dead-rows.ts'
import { buildIvf } from '../indexing/build-ivf.ts'
import type { IndexStore, Published } from '../indexing/index-store.ts'
import { isFull, SEGMENT_BYTES_MAX } from '../indexing/plan-merge.ts'

/** Below `rowsMin`, scanning all vectors in memory is quicker than reading lists. */
export const LIST_LIMITS = { rowsMin: 100_000, segmentBytes: SEGMENT_BYTES_MAX }
export type ListLimits = typeof LIST_LIMITS
/** Lists are made again when they hold less than this share of what they could. */
const COVERED_MIN = 2 / 3
const SEED = 1

/** Segments that will not be merged soon; of the others lists would be out of date in a minute. */
function settledSegments({ segments }: Published, { segmentBytes }: ListLimits) {
  const dead = findDeadRows(segments)
  return segments.flatMap((segment, at) => {
    const { rows, ref } = segment
    const hidden = new Set(dead[at])
    const newest = rows - hidden.size
    const isSettled = isFull({ rows, bytes: ref.items.bytes + ref.terms.bytes, newest }, segmentBytes)
    return isSettled ? [{ segment, hidden, newest }] : []
  })
}

export function needsLists(published: Published, limits = LIST_LIMITS): boolean {
  // Counting is dear; a shop that is too small by all its rows is not counted.
  if (published.segments.reduce((sum, { rows }) => sum + rows, 0) < limits.rowsMin) return false
  const settled = settledSegments(published, limits)
  const total = settled.reduce((sum, { newest }) => sum + newest, 0)
  if (total < limits.rowsMin) return false
  const listed = new Set(published.manifest.ivf?.segments)
  const covered = settled.filter(({ segment }) => listed.has(segment.ref.id))
  return covered.reduce((sum, { newest }) => sum + newest, 0) < COVERED_MIN * total
}

type Deps = { store: IndexStore; nowMs(): number; threads: number }

/** @returns false when another worker published meanwhile; the next idle moment tries again */
export async function listVectors(
  { store, nowMs, threads }: Deps,
  from: Published,
  limits = LIST_LIMITS,
): Promise<boolean> {
  const settled = settledSegments(from, limits)
  const hiddenOf = new Map(settled.map(({ segment, hidden }) => [segment, hidden]))
  const { model, fusion, segments } = from.manifest
  const files = await buildIvf(
    settled.map(({ segment }) => segment),
    model.dim,
    (segment, row) => !hiddenOf.get(segment)!.has(row),
    { threads, seed: SEED },
  )
  if (!files) return false
  const keys = ivfKeys((await sha256Hex(files.head)).slice(0, 24))
  const [head, lists] = await Promise.all([
    store.writeBlob(keys.head, files.head),
    store.writeBlob(keys.lists, files.lists),
  ])
  const ivf = { modelId: model.id, head, lists, segments: settled.map(({ segment }) => segment.ref.id) }
  return store.publish(from, { model, fusion, segments, ivf }, nowMs())
}
