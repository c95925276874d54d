/**
 * @file The index in this isolate's memory, and how it is kept up to date. Requests drive it: nothing is looked at while
 * nobody calls. A reader gets one whole index; when something published is unusable, the one before it keeps serving.
 */
import { buildIndex, type Index } from '../../shared/retrieval/load-index.ts'
import { SIGNALS_KEY } from '../../shared/schema/events.ts'
import { MANIFEST_KEY, Manifest, type SegmentRef } from '../../shared/schema/manifest.ts'
import type { VectorEngine, VectorPart } from '../../shared/vector/engine.ts'
import { beforeEnd } from './before-end.ts'
import type { CreateDigest } from './digest.ts'
import type { CountFault } from './faults.ts'
import { Unusable } from './load-blob.ts'
import { columnBytesOf, createSegmentLoader, type Loaded } from './load-segment.ts'
import { type LoadedSignals, NO_SIGNALS, readSignals } from './signals.ts'
import type { WaitUntil } from './wait-until.ts'

/** The manifest is looked at once in this time at most: look-ups cost money. */
export const MANIFEST_CHECK_MS = 2_000
export const SIGNALS_CHECK_MS = 10_000
/** An unusable publish is read again after this time, in case the fault was on the way and not in the bytes. */
export const FAULT_RETRY_MS = 30_000
/** A check that takes longer belongs to a request that the platform has cut off; another may start. */
export const CHECK_STUCK_MS = 60_000
/** Bytes of all segments of a manifest; an isolate has 128 MB. */
export const INDEX_BYTES_MAX = 100 * 1024 * 1024
/** Bytes that stay: what columns and terms leave of it is for vectors. */
export const RESIDENT_BYTES_MAX = 90 * 1024 * 1024
/** So long may a request go on reading an index that was replaced while it ran. */
export const RETIRED_MS = 10_000
/** So long does `fresh` wait, when there is an index that could answer. */
export const FRESH_WAIT_MS = 10_000
const MANIFEST_BYTES_MAX = 1024 * 1024
const SIGNALS_BYTES_MAX = 8 * 1024 * 1024
/** Two blobs each: stays below the six connections that a Worker may have open. */
const SEGMENTS_IN_FLIGHT = 2

/** The part of an R2 bucket that readers use. */
export type ReadBucket = {
  get(
    key: string,
    options?: { onlyIf?: { etagDoesNotMatch: string }; range?: { offset: number; length: number } },
  ): Promise<{
    etag: string
    size: number
    /** Of bytes, so that they can be read into a buffer that is there. */
    body?: ReadableStream
    arrayBuffer?: () => Promise<ArrayBuffer>
  } | null>
}

export type IndexHolder = {
  /**
   * The index to rank with; null when nothing was ever published. Waits only in a cold isolate: later a due check runs
   * beside the request, which gets what is there.
   */
  current(waitUntil?: WaitUntil): Promise<Index | null>
  /** Like `current`, but waits for a due check, a while: for replies that say what is searchable. */
  fresh(waitUntil?: WaitUntil): Promise<Index | null>
  /** What is in memory, however old; null in a cold isolate. Looks for nothing. */
  held(): Index | null
  /** As of the last check; empty lists before the first. */
  signals(): LoadedSignals
  /** Why the newest publish is not the one that serves, or null. */
  fault(): string | null
}

type Deps = {
  bucket: ReadBucket
  /** Holds the vectors of this isolate. */
  engine: VectorEngine
  /** Unix milliseconds. */
  clock: () => number
  createDigest: CreateDigest
  /** Ends a wait. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
  /** Segments that this isolate holds; all of them, unless shards do. */
  segmentsOf?: (manifest: Manifest) => readonly SegmentRef[]
  /** Does it need the vectors of this segment? Those that lie elsewhere would only take memory. */
  needsVectors?: (manifest: Manifest, segmentId: string) => boolean
  countFault?: CountFault
}

/** `placed`: parts that it has taken room for, and that serve nobody yet. */
type Check = { startedMs: number; done: Promise<void>; placed: Set<VectorPart> }

export function createIndexHolder({
  bucket,
  engine,
  clock,
  createDigest,
  timeout = (ms) => AbortSignal.timeout(ms),
  segmentsOf = ({ segments }) => segments,
  needsVectors = () => true,
  countFault = () => {},
}: Deps): IndexHolder {
  const loader = createSegmentLoader({ bucket, engine, createDigest, timeout, countFault })
  let index: Index | null = null
  let segments = new Map<string, Loaded>()
  let retired: { part: VectorPart; untilMs: number }[] = []
  let signals = NO_SIGNALS
  let fault: string | null = null
  let manifestEtag: string | undefined
  let signalsEtag: string | undefined
  let manifestCheckedMs = Number.NEGATIVE_INFINITY
  let signalsCheckedMs = Number.NEGATIVE_INFINITY
  let faultMs = Number.NEGATIVE_INFINITY
  let pending: Check | null = null
  let regainFromMs = Number.NEGATIVE_INFINITY

  const isDue = () => clock() - manifestCheckedMs >= MANIFEST_CHECK_MS

  /** One check at a time: a cold isolate loads the index once, however many requests wait for it. */
  function check(waitUntil: WaitUntil): Promise<void> {
    const startedMs = clock()
    if (pending && startedMs - pending.startedMs < CHECK_STUCK_MS) return pending.done
    if (pending) {
      // What still comes of one that is stuck finds its parts gone. The manifest that it has read serves nobody.
      release(pending.placed)
      manifestEtag = undefined
    }
    const isLatest = () => pending === mine
    const mine: Check = { startedMs, done: Promise.resolve(), placed: new Set() }
    pending = mine
    manifestCheckedMs = startedMs
    mine.done = Promise.all([checkManifest(isLatest, mine.placed), checkSignals(isLatest)]).then(() => {
      if (isLatest()) pending = null
    })
    waitUntil(mine.done.then(regain))
    return mine.done
  }

  /** Nobody waits for it: what was given up for lack of room is read again when there is some. */
  async function regain(): Promise<void> {
    if (clock() < regainFromMs) return
    // One at a time, unless it is stuck.
    regainFromMs = clock() + CHECK_STUCK_MS
    const isDone = await loader.regain(segments.values())
    regainFromMs = isDone ? clock() : clock() + FAULT_RETRY_MS
  }

  async function checkManifest(isLatest: () => boolean, placed: Set<VectorPart>): Promise<void> {
    releaseRetired()
    try {
      // After a fault the same bytes are asked for again only now and then.
      const retry = fault !== null && clock() - faultMs >= FAULT_RETRY_MS
      const found = await readUnlessSame(MANIFEST_KEY, retry ? undefined : manifestEtag, MANIFEST_BYTES_MAX)
      if (found === 'same') return
      if (found === null) {
        manifestEtag = undefined
        if (index) throw new Unusable('manifest-missing', 'the manifest is missing')
        return
      }
      // Also when it turns out unusable: an unusable manifest is not read every two seconds.
      manifestEtag = found.etag
      const manifest = parseManifest(found.bytes)
      const refs = segmentsOf(manifest)
      const fresh = await loadMissing(manifest, refs, placed)
      if (isLatest()) {
        swap(manifest, refs, fresh)
        placed.clear()
      } else release(placed)
    } catch (error) {
      release(placed)
      if (!isLatest()) return
      leaveRoomBeside(bytesOf(segments))
      fault = error instanceof Unusable ? error.message : `reading the index failed: ${String(error)}`
      faultMs = clock()
      countFault(error instanceof Unusable ? error.fault : 'index-unreadable')
      // What was not read to its end is not known to be bad: ask again at the next check.
      if (!(error instanceof Unusable)) manifestEtag = undefined
    }
  }

  /** One synchronous step: no request sees part of it. */
  function swap(manifest: Manifest, refs: readonly SegmentRef[], fresh: ReadonlyMap<string, Loaded>): void {
    const next = new Map(refs.map(({ id }) => [id, (fresh.get(id) ?? segments.get(id))!]))
    const loaded = refs.map(({ id }) => next.get(id)!)
    index = buildIndex(
      manifest,
      loaded.map(({ segment }) => segment),
      engine,
      loaded.map(({ part }) => part),
    )
    for (const [id, { part }] of segments) if (next.get(id)?.part !== part) retire(part)
    segments = next
    fault = null
    leaveRoomBeside(bytesOf(segments))
  }

  /** Columns and terms have to be there; vectors take what they leave. */
  const leaveRoomBeside = (columnBytes: number): void => engine.limit(RESIDENT_BYTES_MAX - columnBytes)

  /** Requests that began with the old index end on it; nobody tells when the last one does. */
  function retire(part: VectorPart): void {
    engine.retire(part)
    retired.push({ part, untilMs: clock() + RETIRED_MS })
  }

  function releaseRetired(): void {
    for (const { part } of retired.filter(({ untilMs }) => untilMs <= clock())) engine.release(part)
    retired = retired.filter(({ untilMs }) => untilMs > clock())
  }

  function release(placed: ReadonlySet<VectorPart>): void {
    for (const part of placed) engine.release(part)
  }

  /** @param placed receives the parts that take room, also when this throws */
  async function loadMissing(
    manifest: Manifest,
    refs: readonly SegmentRef[],
    placed: Set<VectorPart>,
  ): Promise<Map<string, Loaded>> {
    const bytes = refs.reduce((sum, ref) => sum + ref.items.bytes + ref.terms.bytes, 0)
    if (bytes > INDEX_BYTES_MAX)
      throw new Unusable('index-too-large', `the index of ${bytes} bytes does not fit in an isolate`)
    // Also what lists come to cover, or cover no longer.
    const missing = refs.filter(({ id }) => segments.get(id)?.hasVectors !== needsVectors(manifest, id))
    leaveRoomBeside(refs.reduce((sum, ref) => sum + columnBytesOf(manifest, ref), 0))
    const fresh = new Map<string, Loaded>()
    const loadNext = async () => {
      for (let ref = missing.shift(); ref; ref = missing.shift())
        fresh.set(ref.id, await loader.load(ref, { hasVectors: needsVectors(manifest, ref.id), placed }))
    }
    // All are waited for: one that ends after another has failed is to be released too.
    const ends = await Promise.allSettled(Array.from({ length: SEGMENTS_IN_FLIGHT }, loadNext))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return fresh
  }

  /** Signals are advice: when they cannot be read, the last ones stay. */
  async function checkSignals(isLatest: () => boolean): Promise<void> {
    if (clock() - signalsCheckedMs < SIGNALS_CHECK_MS) return
    signalsCheckedMs = clock()
    try {
      const found = await readUnlessSame(SIGNALS_KEY, signalsEtag, SIGNALS_BYTES_MAX)
      if (found === null || found === 'same' || !isLatest()) return
      signalsEtag = found.etag
      const read = readSignals(new TextDecoder().decode(found.bytes))
      if (read.ok) signals = read.value
      else countFault('signals-malformed')
    } catch {
      signalsEtag = undefined
      countFault('signals-unreadable')
    }
  }

  async function readUnlessSame(key: string, etag: string | undefined, bytesMax: number) {
    const found = await bucket.get(key, etag === undefined ? {} : { onlyIf: { etagDoesNotMatch: etag } })
    if (found === null) return null
    // R2 answers a failed condition with the object's head and no body.
    if (!found.arrayBuffer || !('body' in found ? found.body : true)) return 'same'
    if (found.size > bytesMax)
      throw new Unusable('blob-corrupt', `${key} has ${found.size} bytes, more than ${bytesMax}`)
    return { etag: found.etag, bytes: new Uint8Array(await found.arrayBuffer()) }
  }

  const ignore: WaitUntil = () => {}
  return {
    async current(waitUntil = ignore) {
      if (index === null && (isDue() || pending)) await check(waitUntil)
      else if (isDue()) void check(waitUntil)
      return index
    },
    async fresh(waitUntil = ignore) {
      if (isDue() || pending) {
        const checked = check(waitUntil)
        await (index ? beforeEnd(checked, timeout(FRESH_WAIT_MS)) : checked)
      }
      return index
    },
    held: () => index,
    signals: () => signals,
    fault: () => fault,
  }
}

const bytesOf = (segments: ReadonlyMap<string, Loaded>): number =>
  [...segments.values()].reduce((sum, { segment }) => sum + segment.bytes, 0)

function parseManifest(bytes: Uint8Array): Manifest {
  try {
    return Manifest.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch (error) {
    throw new Unusable('manifest-malformed', `the manifest is malformed: ${firstLine(error)}`)
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200)
