/**
 * @file Keeps a snapshot a day of the catalogue and of what shoppers did, and says how the newest differs from the one before. One
 * small object in the bucket; see `shared/quality/drift/`.
 */
import { compareDays, compareFeeds } from '../../shared/quality/drift/compare.ts'
import { type FeedRow, feedSnapshot } from '../../shared/quality/drift/snapshots.ts'
import { summariseVectors } from '../../shared/quality/drift/vectors.ts'
import {
  type DaySnapshot,
  DRIFT_KEY,
  DriftFile,
  type FeedSnapshot,
  SNAPSHOTS_MAX,
} from '../../shared/schema/drift.ts'
import { dequantise } from '../../shared/vector/quantise.ts'
import type { BlobStore } from '../blob-store.ts'
import type { Published } from '../indexing/index-store.ts'

/** A catalogue that changes all the time is looked at once in this time at most. */
export const LOOK_MS = 60 * 60_000
/** Rows that are counted, spread over the catalogue: more change no share by a percent. */
const ROWS_MAX = 100_000
/** Vectors that the centre is taken of. */
const VECTORS_MAX = 20_000

type Deps = { blobs: Pick<BlobStore, 'get' | 'put'>; nowMs(): number }
type Catalogue = Pick<Published, 'manifest' | 'segments' | 'state'>

export function createWatchDrift({ blobs, nowMs }: Deps) {
  let lookedMs = Number.NEGATIVE_INFINITY
  let lookedVersion = -1

  async function change(update: (file: DriftFile) => DriftFile): Promise<DriftFile> {
    const held = await blobs.get(DRIFT_KEY)
    const next = update(held ? read(held.bytes) : NO_SNAPSHOTS)
    // A lost race loses a snapshot of the same day; the next look makes it again.
    await blobs.put(DRIFT_KEY, new TextEncoder().encode(JSON.stringify(next)))
    return next
  }

  return {
    /** @returns null when the catalogue did not change since the last look, or the last look was a moment ago */
    async catalogue(published: Catalogue): Promise<DriftFile | null> {
      const now = nowMs()
      if (published.manifest.version === lookedVersion || now - lookedMs < LOOK_MS) return null
      ;[lookedMs, lookedVersion] = [now, published.manifest.version]
      const snapshot = snapshotOf(published, now)
      return change((file) => {
        const feeds = keepDaily(file.feeds, snapshot, ({ takenAt }) => takenAt.slice(0, 10))
        const [before, after] = feeds.slice(-2)
        return { ...file, feeds, feed: before && after ? compareFeeds(before, after) : null }
      })
    },
    async days(snapshots: readonly DaySnapshot[]): Promise<DriftFile | null> {
      if (snapshots.length === 0) return null
      return change((file) => {
        const days = snapshots.reduce((kept, one) => keepDaily(kept, one, ({ date }) => date), file.days)
        const [before, after] = days.slice(-2)
        return { ...file, days, day: before && after ? compareDays(before, after) : null }
      })
    },
  }
}

const NO_SNAPSHOTS: DriftFile = { feeds: [], days: [], feed: null, day: null }

/** A file that cannot be read, of another version perhaps, is begun anew. */
function read(bytes: Uint8Array): DriftFile {
  try {
    const parsed = DriftFile.safeParse(JSON.parse(new TextDecoder().decode(bytes)))
    return parsed.success ? parsed.data : NO_SNAPSHOTS
  } catch {
    return NO_SNAPSHOTS
  }
}

/** One snapshot a day, the newest of each, in the order of days. */
function keepDaily<T>(kept: readonly T[], one: T, dayOf: (snapshot: T) => string): T[] {
  return [...kept.filter((other) => dayOf(other) !== dayOf(one)), one]
    .sort((a, b) => (dayOf(a) < dayOf(b) ? -1 : 1))
    .slice(-SNAPSHOTS_MAX)
}

function snapshotOf({ manifest, segments, state }: Catalogue, now: number): FeedSnapshot {
  const live = segments.flatMap((segment) =>
    Array.from({ length: segment.rows }, (_, row) => ({ segment, row })).filter(
      ({ row }) => segment.live[row] === 1 && segment.version[row] === state.versionOf(segment.number[row]!),
    ),
  )
  const vectors = evenly(live, VECTORS_MAX).flatMap(({ segment, row }) => {
    const scale = segment.vectorScale[row]!
    return scale > 0 ? [dequantise(segment.vectors, row * segment.dim, segment.dim, scale)] : []
  })
  const rows = evenly(live, ROWS_MAX).map(
    ({ segment: { text, price, stock }, row }): FeedRow => ({
      ...{ title: text.title(row), brand: text.brand(row), category: [...text.category(row)] },
      ...{ currency: text.currency(row) || null, image: text.image(row) },
      price: Number.isNaN(price[row]!) ? null : price[row]!,
      stock: stock[row]! < 0 ? null : stock[row]!,
    }),
  )
  return feedSnapshot(rows, now, summariseVectors(manifest.model.id, vectors))
}

/** At most `most` of the list, spread over it. */
function evenly<T>(list: readonly T[], most: number): T[] {
  const step = Math.max(1, list.length / most)
  return Array.from({ length: Math.min(most, list.length) }, (_, at) => list[Math.floor(at * step)]!)
}
