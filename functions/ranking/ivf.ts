/**
 * @file Inverted lists in R2: the head stays in memory, the lists nearest to a query are read by ranges, through
 * the cache of the data centre. Lists that cannot be read are left out; the others answer, and the reply says so.
 */
import { err, type Result } from '../../shared/lib/result.ts'
import type { IvfRef } from '../../shared/schema/manifest.ts'
import {
  type ByteRange,
  decodeIvfHead,
  type IvfHead,
  type IvfMatch,
  nearestLists,
  rangeOf,
  scanList,
} from '../../shared/vector/ivf.ts'
import { beforeEnd } from './before-end.ts'
import type { CountFault } from './faults.ts'
import type { ReadBucket } from './index-holder.ts'
import { loadBlob } from './load-blob.ts'
import type { Nearest, NearItem, RemoteVectors } from './remote-vectors.ts'

/** Lists read for a query: see the table in the README. Each is a read of the bucket, where the cache has not got it. */
export const PROBES = 32
export const IVF_BUDGET_MS = 200
/** Candidates of a query; the index then says which of them it shows. */
const NEAREST_MAX = 400
/** Stays below the six connections that a Worker may have open. */
const READS_IN_FLIGHT = 4
/** The head in use and, while a new manifest takes over, the one before. */
const HEADS_MAX = 2

/** Bytes of an object from `offset`; fewer, or null, where it ends. Rejects when the storage does not answer. */
export type ReadRange = (key: string, range: ByteRange) => Promise<Uint8Array | null>

type Deps = {
  bucket: ReadBucket
  readRange: ReadRange
  /** Ends the wait. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
  log?: (message: string) => void
  countFault?: CountFault
}

/** Heads that were read are kept. */
export function createIvfReader({
  bucket,
  readRange,
  timeout = (ms) => AbortSignal.timeout(ms),
  log = () => {},
  countFault = () => {},
}: Deps): (ref: IvfRef) => RemoteVectors {
  const heads = new Map<string, Promise<IvfHead>>()

  function headOf(ref: IvfRef): Promise<IvfHead> {
    const held = heads.get(ref.head.sha256)
    if (held) return held
    const loading = loadHead(bucket, ref)
    heads.set(ref.head.sha256, loading)
    loading.catch(() => heads.delete(ref.head.sha256))
    if (heads.size > HEADS_MAX) heads.delete(heads.keys().next().value!)
    return loading
  }

  return (ref) => ({
    name: 'ivf',
    covers: (segmentId) => ref.segments.includes(segmentId),
    async nearest(modelId, vector) {
      const signal = timeout(IVF_BUDGET_MS)
      const items: NearItem[] = []
      let fault: Nearest['fault'] = null
      try {
        if (ref.modelId !== modelId) throw new Error(`the lists are of model ${ref.modelId}`)
        const head = await beforeEnd(headOf(ref), signal)
        if (head === 'timeout') return { items, fault: 'timeout' }
        if (head.dim !== vector.length) throw new Error(`the lists have ${head.dim} dimensions`)
        const waiting = nearestLists(head, vector, PROBES)
        const readNext = async () => {
          for (let list = waiting.shift(); list !== undefined; list = waiting.shift()) {
            const read = await readList(head, ref, list, vector)
            if (signal.aborted) return
            if (read.ok) items.push(...read.value)
            else {
              fault = 'failed'
              log(`${ref.lists.key}: ${read.error}`)
            }
          }
        }
        const all = Promise.all(Array.from({ length: READS_IN_FLIGHT }, readNext))
        if ((await beforeEnd(all, signal)) === 'timeout') fault = 'timeout'
      } catch (error) {
        log(`${ref.head.key}: ${String(error)}`)
        fault = 'failed'
      }
      const nearest = items.sort((a, b) => b.cosine - a.cosine || a.number - b.number)
      return { items: nearest.slice(0, NEAREST_MAX), fault }
    },
  })

  function unread(kind: string, reason: string): Result<never, string> {
    countFault(`ivf-list-${kind}`)
    return err(reason)
  }

  async function readList(
    head: IvfHead,
    { lists }: IvfRef,
    list: number,
    vector: Float32Array,
  ): Promise<Result<IvfMatch[], string>> {
    try {
      const range = rangeOf(head, list)
      const bytes = await readRange(lists.key, range)
      if (!bytes) return unread('missing', 'is missing')
      if (bytes.length < range.length)
        return unread('short-range', `ends after ${bytes.length} bytes of ${range.length}`)
      const scanned = scanList(head, list, bytes, vector)
      return scanned.ok ? scanned : unread('corrupt', scanned.error.reason)
    } catch (error) {
      return unread('unreadable', String(error))
    }
  }
}

/** Verified against the manifest, and so may be believed. */
async function loadHead(bucket: ReadBucket, { head, lists }: IvfRef): Promise<IvfHead> {
  const decoded = decodeIvfHead(await loadBlob(bucket, head), lists.bytes)
  if (!decoded.ok) throw new Error(decoded.error.reason)
  return decoded.value
}
