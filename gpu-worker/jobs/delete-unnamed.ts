/**
 * @file When nothing else is to do: delete the lists of dead rows and the inverted lists that no manifest names any more. Every delta
 * that replaces items writes such lists anew. Segments stay: the way back to an earlier model goes through those of its index.
 */
import { IVF_PREFIX, isDeadRowsKey, type Manifest, SEGMENTS_PREFIX } from '../../shared/schema/manifest.ts'
import type { BlobStore } from '../blob-store.ts'
import type { IndexStore } from '../indexing/index-store.ts'

/** The bucket is looked through once in this time at most. */
export const LOOK_MS = 10 * 60_000
/**
 * So long an object has to be seen without a name before it goes: one that was just written is named in a moment, and an isolate
 * that could not load the newest version still reads what the one before names.
 */
export const UNNAMED_MS = 60 * 60_000
/** Deleted at one look. */
export const DELETED_MAX = 1_000

type Deps = { blobs: Pick<BlobStore, 'list' | 'delete'>; store: Pick<IndexStore, 'load'>; nowMs(): number }
/** @returns how many objects it deleted */
export type DeleteUnnamed = (shouldStop: () => boolean) => Promise<number>

export function createDeleteUnnamed({ blobs, store, nowMs }: Deps): DeleteUnnamed {
  /** When an object was first seen without a name. Lost with the worker: then the wait begins anew. */
  let unnamed = new Map<string, number>()
  let lookedMs = Number.NEGATIVE_INFINITY

  return async (shouldStop) => {
    if (nowMs() - lookedMs < LOOK_MS) return 0
    lookedMs = nowMs()
    const [segments, lists] = await Promise.all([blobs.list(SEGMENTS_PREFIX), blobs.list(IVF_PREFIX)])
    const keys = [...segments.filter(isDeadRowsKey), ...lists]
    // After the listing: what was written and named before it is seen as named.
    const published = await store.load()
    if (!published) return 0
    const named = namedBy(published.manifest)
    unnamed = new Map(keys.filter((key) => !named.has(key)).map((key) => [key, unnamed.get(key) ?? lookedMs]))
    let deleted = 0
    for (const [key, sinceMs] of unnamed) {
      if (shouldStop() || deleted === DELETED_MAX) break
      if (lookedMs - sinceMs < UNNAMED_MS) continue
      await blobs.delete(key)
      unnamed.delete(key)
      deleted++
    }
    return deleted
  }
}

const namedBy = ({ placement, ivf }: Manifest): Set<string> =>
  new Set([
    ...Object.values(placement?.deadRows ?? {}).map(({ key }) => key),
    ...(ivf ? [ivf.head.key, ivf.lists.key] : []),
  ])
