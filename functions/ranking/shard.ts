/**
 * @file What a shard does, without the platform: holds the part of an index that a request names, and answers from it.
 *
 * A request carries its slice of the manifest, so that a shard never looks at the manifest itself: it cannot be of another version
 * than who asks. While a new version takes over, the one before is still here for the requests that began on it.
 */
import { assert } from '../../shared/lib/result.ts'
import { buildIndex, type Index } from '../../shared/retrieval/load-index.ts'
import { answerShard, type ShardAnswer, type ShardQuery, showItems } from '../../shared/retrieval/shard.ts'
import type { Display } from '../../shared/retrieval/source.ts'
import { type Asked, statisticsOf, type Told, tell } from '../../shared/retrieval/statistics.ts'
import type { Blob, Manifest, SegmentRef } from '../../shared/schema/manifest.ts'
import { hideRows } from '../../shared/segment/dead-rows.ts'
import { decodeSegment, type Segment } from '../../shared/segment/decode.ts'
import { INDEX_BYTES_MAX, type ReadBucket } from './index-holder.ts'
import { loadBlob } from './load-blob.ts'

/** The version in use and the one before. */
const INDEXES_MAX = 2
/** Two files each: stays below the six connections that a Worker may have open. */
const SEGMENTS_IN_FLIGHT = 2

/** What one shard has to hold. Plain data. */
export type Slice = {
  version: number
  /** With the segments of this shard only. */
  manifest: Manifest
  deadRows: Record<string, Blob>
}

export function sliceOf(manifest: Manifest, shard: number): Slice {
  const { placement, ...whole } = manifest
  assert(placement, 'a divided index has a placement')
  const own = new Set(placement.shards[shard])
  const segments = manifest.segments.filter(({ id }) => own.has(id))
  const deadRows = Object.fromEntries(Object.entries(placement.deadRows).filter(([id]) => own.has(id)))
  return { version: manifest.version, manifest: { ...whole, segments }, deadRows }
}

/** `version` is that of the slice which the value was read from. */
export type ShardReply<T> = { version: number; value: T }
export type Shard = {
  /** Load what is missing. The others do it too when they have to. */
  prepare(slice: Slice): Promise<ShardReply<null>>
  statistics(slice: Slice, asked: Asked): Promise<ShardReply<Told>>
  search(slice: Slice, query: ShardQuery): Promise<ShardReply<ShardAnswer>>
  show(slice: Slice, numbers: readonly number[]): Promise<ShardReply<(Display | null)[]>>
  /** Does the shard have this version of the item (or its removal), or a newer one? */
  has(slice: Slice, rows: readonly { number: number; version: number }[]): Promise<ShardReply<boolean[]>>
}

/** Every method rejects when the slice cannot be loaded; the next call tries again. */
export function createShard(bucket: ReadBucket): Shard {
  const indexes = new Map<string, Promise<Index>>()
  const segments = new Map<string, Segment>()

  function indexOf(slice: Slice): Promise<Index> {
    const key = keyOf(slice)
    const held = indexes.get(key)
    if (held) return held
    const loading = load(slice)
    indexes.set(key, loading)
    loading.then(
      () => forget(key),
      () => indexes.delete(key),
    )
    return loading
  }

  async function load({ manifest, deadRows }: Slice): Promise<Index> {
    const bytes = manifest.segments.reduce((sum, { items, terms }) => sum + items.bytes + terms.bytes, 0)
    if (bytes > INDEX_BYTES_MAX) throw new Error(`a shard of ${bytes} bytes does not fit in an isolate`)
    const loaded = new Map<string, Segment>()
    const waiting = [...manifest.segments]
    const loadNext = async () => {
      for (let ref = waiting.shift(); ref; ref = waiting.shift())
        loaded.set(ref.id, await withoutDead(await segmentOf(ref), deadRows[ref.id]))
    }
    await Promise.all(Array.from({ length: SEGMENTS_IN_FLIGHT }, loadNext))
    return buildIndex(
      manifest,
      manifest.segments.map(({ id }) => loaded.get(id)!),
    )
  }

  async function segmentOf(ref: SegmentRef): Promise<Segment> {
    const held = segments.get(ref.id)
    if (held) return held
    const [items, terms] = await Promise.all([loadBlob(bucket, ref.items), loadBlob(bucket, ref.terms)])
    const segment = decodeSegment({ items, terms }, ref)
    if (!segment.ok) throw new Error(`segment ${ref.id} is malformed: ${segment.error.reason}`)
    segments.set(ref.id, segment.value)
    return segment.value
  }

  async function withoutDead(segment: Segment, dead: Blob | undefined): Promise<Segment> {
    if (!dead) return segment
    const hidden = hideRows(segment, await loadBlob(bucket, dead))
    if (!hidden.ok) throw new Error(`${dead.key} is malformed: ${hidden.error.reason}`)
    return hidden.value
  }

  /** Drops the oldest indexes beside this one, and the segments that none has any more. */
  async function forget(key: string): Promise<void> {
    for (const old of [...indexes.keys()].filter((one) => one !== key).slice(0, -(INDEXES_MAX - 1)))
      indexes.delete(old)
    const held = await Promise.allSettled(indexes.values())
    const used = new Set(
      held.flatMap((one) =>
        one.status === 'fulfilled' ? one.value.segments.map(({ segment }) => segment.ref.id) : [],
      ),
    )
    for (const id of segments.keys()) if (!used.has(id)) segments.delete(id)
  }

  const from =
    <A extends unknown[], T>(read: (index: Index, ...args: A) => T) =>
    async (slice: Slice, ...args: A): Promise<ShardReply<T>> => ({
      version: slice.version,
      value: read(await indexOf(slice), ...args),
    })
  return {
    prepare: from(() => null),
    statistics: from((index, asked: Asked) => tell(statisticsOf(index), asked)),
    search: from(answerShard),
    show: from(showItems),
    has: from((index, rows: readonly { number: number; version: number }[]) =>
      rows.map(({ number, version }) => index.has(number, version)),
    ),
  }
}

const keyOf = ({ version, manifest, deadRows }: Slice): string =>
  [version, ...manifest.segments.map(({ id }) => `${id}/${deadRows[id]?.sha256 ?? ''}`)].join(' ')
