/**
 * @file What a shard does, without the platform: holds the part of an index that a request names, and answers from it.
 *
 * A request carries its slice of the manifest, so that a shard never looks at the manifest itself: it cannot be of another version
 * than who asks. While a new version takes over, the one before is still here for the requests that began on it.
 */
import { assert } from '../../shared/lib/result.ts'
import { buildIndex, type Index } from '../../shared/retrieval/load-index.ts'
import { answerShard, type ShardAnswer, type ShardQuery, showItems } from '../../shared/retrieval/shard.ts'
import {
  type Candidates,
  type CandidatesAsked,
  findCandidates,
  type ItemsAsked,
  type ItemsTold,
  tellItems,
} from '../../shared/retrieval/shard-items.ts'
import type { Display } from '../../shared/retrieval/source.ts'
import { type Asked, statisticsOf, type Told, tell } from '../../shared/retrieval/statistics.ts'
import {
  type CompletionsAsked,
  type CompletionsTold,
  tellCompletions,
} from '../../shared/retrieval/suggest.ts'
import { type VectorFault, vectorFaultsOf } from '../../shared/retrieval/vector-faults.ts'
import type { Blob, Manifest, SegmentRef } from '../../shared/schema/manifest.ts'
import { hideRows } from '../../shared/segment/dead-rows.ts'
import type { Segment } from '../../shared/segment/decode.ts'
import type { VectorEngine, VectorPart } from '../../shared/vector/engine.ts'
import type { CreateDigest } from './digest.ts'
import { CHECK_STUCK_MS, INDEX_BYTES_MAX, RESIDENT_BYTES_MAX, type ReadBucket } from './index-holder.ts'
import { loadBlob, Unusable } from './load-blob.ts'
import { columnBytesOf, createSegmentLoader, type Loaded } from './load-segment.ts'

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

/** `version` is that of the slice which the value was read from; `short` what it lacks of vectors, absent when nothing. */
export type ShardReply<T> = { version: number; value: T; short?: VectorFault[] }
export type Shard = {
  /** Load what is missing. The others do it too when they have to. */
  prepare(slice: Slice): Promise<ShardReply<null>>
  statistics(slice: Slice, asked: Asked): Promise<ShardReply<Told>>
  search(slice: Slice, query: ShardQuery): Promise<ShardReply<ShardAnswer>>
  show(slice: Slice, numbers: readonly number[]): Promise<ShardReply<(Display | null)[]>>
  items(slice: Slice, asked: ItemsAsked): Promise<ShardReply<ItemsTold>>
  candidates(slice: Slice, asked: CandidatesAsked): Promise<ShardReply<Candidates[]>>
  completions(slice: Slice, asked: CompletionsAsked): Promise<ShardReply<CompletionsTold>>
  /** Does the shard have this version of the item (or its removal), or a newer one? */
  has(slice: Slice, rows: readonly { number: number; version: number }[]): Promise<ShardReply<boolean[]>>
}

type Deps = {
  bucket: ReadBucket
  /** Holds the vectors of this shard, and of no other. */
  engine: VectorEngine
  /** Unix milliseconds. */
  clock: () => number
  createDigest: CreateDigest
  /** Ends a wait. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
}
/** A version that is loaded, or loading since `startedMs`. */
type Held = {
  index: Promise<Index>
  segmentIds: readonly string[]
  startedMs: number
  isLoading: boolean
}

/** Every method rejects when the slice cannot be loaded; the next call tries again. */
export function createShard({
  bucket,
  engine,
  clock,
  createDigest,
  timeout = (ms) => AbortSignal.timeout(ms),
}: Deps): Shard {
  const loader = createSegmentLoader({ bucket, engine, createDigest, timeout, countFault() {} })
  const indexes = new Map<string, Held>()
  const segments = new Map<string, Loaded>()

  async function indexOf(slice: Slice): Promise<Index> {
    const key = keyOf(slice)
    const known = indexes.get(key)
    // A load that takes longer belongs to a request that the platform has cut off.
    const isStuck = known?.isLoading && clock() - known.startedMs >= CHECK_STUCK_MS
    const held = known && !isStuck ? known : start(key, slice)
    const index = await held.index.catch(rethrowNamed)
    // Its vectors may be gone: better no answer than half of one.
    if (indexes.get(key) !== held) throw new Error(`version ${slice.version} was replaced twice meanwhile`)
    return index
  }

  function start(key: string, slice: Slice): Held {
    const segmentIds = slice.manifest.segments.map(({ id }) => id)
    const held: Held = { index: load(slice), segmentIds, startedMs: clock(), isLoading: true }
    indexes.set(key, held)
    held.index.then(
      () => {
        held.isLoading = false
        forget(key)
        // What the versions that went have left is for codes.
        void loader.regain([...segments.values()])
      },
      () => {
        if (indexes.get(key) === held) indexes.delete(key)
      },
    )
    return held
  }

  async function load({ manifest, deadRows }: Slice): Promise<Index> {
    const bytes = manifest.segments.reduce((sum, { items, terms }) => sum + items.bytes + terms.bytes, 0)
    if (bytes > INDEX_BYTES_MAX) throw new Error(`a shard of ${bytes} bytes does not fit in an isolate`)
    engine.limit(
      RESIDENT_BYTES_MAX - manifest.segments.reduce((sum, ref) => sum + columnBytesOf(manifest, ref), 0),
    )
    const loaded = new Map<string, Loaded>()
    const waiting = [...manifest.segments]
    const loadNext = async () => {
      for (let ref = waiting.shift(); ref; ref = waiting.shift())
        loaded.set(ref.id, await loadPart(ref, deadRows[ref.id]))
    }
    await Promise.all(Array.from({ length: SEGMENTS_IN_FLIGHT }, loadNext))
    const all = manifest.segments.map(({ id }) => loaded.get(id)!)
    engine.limit(RESIDENT_BYTES_MAX - all.reduce((sum, { segment }) => sum + segment.bytes, 0))
    return buildIndex(
      manifest,
      all.map(({ segment }) => segment),
      engine,
      all.map(({ part }) => part),
    )
  }

  async function loadPart(ref: SegmentRef, dead: Blob | undefined): Promise<Loaded> {
    const { segment, ...placed } = await segmentOf(ref)
    return { segment: await withoutDead(segment, dead), ...placed }
  }

  async function segmentOf(ref: SegmentRef): Promise<Loaded> {
    const held = segments.get(ref.id)
    if (held) return held
    const placed = new Set<VectorPart>()
    try {
      const loaded = await loader.load(ref, { hasVectors: true, placed })
      // Another version may have loaded it meanwhile.
      const other = segments.get(ref.id)
      if (other) release(placed)
      else segments.set(ref.id, loaded)
      return other ?? loaded
    } catch (error) {
      release(placed)
      throw error
    }
  }

  function release(placed: ReadonlySet<VectorPart>): void {
    for (const part of placed) engine.release(part)
  }

  async function withoutDead(segment: Segment, dead: Blob | undefined): Promise<Segment> {
    if (!dead) return segment
    const hidden = hideRows(segment, await loadBlob(bucket, dead))
    if (!hidden.ok)
      throw new Unusable('dead-rows-corrupt', `${dead.key} is malformed: ${hidden.error.reason}`)
    return hidden.value
  }

  /** Drops the oldest versions beside this one, and the segments that none has any more, not even one that is loading. */
  function forget(key: string): void {
    for (const old of [...indexes.keys()].filter((one) => one !== key).slice(0, -(INDEXES_MAX - 1)))
      indexes.delete(old)
    const used = new Set([...indexes.values()].flatMap(({ segmentIds }) => segmentIds))
    for (const [id, { part }] of segments) {
      if (used.has(id)) continue
      engine.release(part)
      segments.delete(id)
    }
  }

  const from =
    <A extends unknown[], T>(
      read: (index: Index, ...args: A) => T,
      usesVectors: (...args: A) => boolean = () => false,
    ) =>
    async (slice: Slice, ...args: A): Promise<ShardReply<T>> => {
      const index = await indexOf(slice)
      const value = read(index, ...args)
      const short = usesVectors(...args) ? vectorFaultsOf(index) : []
      return { version: slice.version, value, ...(short.length > 0 ? { short } : {}) }
    }
  return {
    prepare: from(() => null),
    statistics: from((index, asked: Asked) => tell(statisticsOf(index), asked)),
    search: from(answerShard, ({ vector }) => vector !== null),
    show: from(showItems),
    items: from(tellItems, ({ vectors }) => vectors.length > 0),
    candidates: from(findCandidates, ({ by }) => by.kind === 'vectors'),
    completions: from(tellCompletions),
    has: from((index, rows: readonly { number: number; version: number }[]) =>
      rows.map(({ number, version }) => index.has(number, version)),
    ),
  }
}

/** Of an exception, its message is all that is sure to reach the other side of a call: the name of the fault goes first. */
function rethrowNamed(error: unknown): never {
  throw error instanceof Unusable ? new Error(`${error.fault}: ${error.message}`) : error
}

const keyOf = ({ version, manifest, deadRows }: Slice): string =>
  [version, ...manifest.segments.map(({ id }) => `${id}/${deadRows[id]?.sha256 ?? ''}`)].join(' ')
