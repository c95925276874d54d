/**
 * @file Items of an index whose vectors lie elsewhere: everything else is in this isolate, the few vectors that a list begins with are
 * read from their segments by ranges, and which items are near is asked where the vectors are.
 */
import { ok, type Result } from '../../shared/lib/result.ts'
import {
  createIndexItems,
  type ItemSource,
  maskAmong,
  varyPlainly,
} from '../../shared/retrieval/item-source.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { dequantise } from '../../shared/vector/quantise.ts'
import { beforeEnd } from './before-end.ts'
import type { ReadRange } from './ivf.ts'
import { createLru } from './query-encoder.ts'
import { nearestShown, type RemoteVectors } from './remote-vectors.ts'

export const VECTORS_BUDGET_MS = 200
/** 256 f32 components each: 1 MB. */
const VECTORS_KEPT = 1_000
/** Stays below the six connections that a Worker may have open. */
const READS_IN_FLIGHT = 4

type Deps = {
  readRange: ReadRange
  /** Ends the wait. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
  log?: (message: string) => void
}

/** Vectors that were read are kept for the requests that follow. */
export function createRemoteItemsOf({
  readRange,
  timeout = (ms) => AbortSignal.timeout(ms),
  log = () => {},
}: Deps): (index: Index, remote: RemoteVectors) => ItemSource {
  const kept = createLru<Float32Array>(VECTORS_KEPT)

  /** A row whose vector the isolate does not hold. Not verified by itself: its bytes are checked for what they may be. */
  async function read(index: Index, doc: number): Promise<Result<Float32Array, 'failed'>> {
    const { segment, row } = index.locate(doc)
    const { dim, vectorOffset, ref } = segment
    const key = `${ref.id}/${row}`
    const known = kept.get(key)
    if (known) return ok(known)
    try {
      const bytes = await readRange(ref.items.key, { offset: vectorOffset + row * dim, length: dim })
      if (bytes?.length !== dim || bytes.some((code) => code > 127)) throw new Error('no such vector')
      const vector = dequantise(bytes, 0, dim, segment.vectorScale[row]!)
      kept.set(key, vector)
      return ok(vector)
    } catch (error) {
      log(`${ref.items.key}: row ${row}: ${String(error)}`)
      return { ok: false, error: 'failed' }
    }
  }

  return (index, remote) => {
    const own = createIndexItems(index)
    const vectors = new Map<number, Float32Array>()
    const faults = new Set<string>()
    const isElsewhere = (doc: number) => {
      const { segment, row } = index.locate(doc)
      return segment.vectorScale[row] !== 0 && remote.covers(segment.ref.id)
    }
    const vectorOf = (doc: number) => vectors.get(doc) ?? own.vector(doc)
    return {
      ...own,
      async load({ vectors: wanted = [] }) {
        const waiting = wanted.filter((doc) => !vectors.has(doc) && isElsewhere(doc))
        if (waiting.length === 0) return
        const signal = timeout(VECTORS_BUDGET_MS)
        const readNext = async () => {
          for (let doc = waiting.shift(); doc !== undefined && !signal.aborted; doc = waiting.shift()) {
            const found = await read(index, doc)
            if (found.ok) vectors.set(doc, found.value)
            else faults.add('vectors-failed')
          }
        }
        const all = Promise.all(Array.from({ length: READS_IN_FLIGHT }, readNext))
        if ((await beforeEnd(all, signal)) === 'timeout') faults.add('vectors-timeout')
      },
      vector: vectorOf,
      // By the vectors that are at hand: a read for each candidate would cost more than it helps.
      vary: (candidates, rule, wanted) => varyPlainly(candidates, vectorOf, rule, wanted),
      near(vectors, limit, among) {
        const accept = maskAmong(index, among)
        return Promise.all(
          vectors.map(async (vector) => {
            const { near, fault } = await nearestShown(index, remote, vector, accept)
            if (fault) faults.add(`${remote.name}-${fault}`)
            return near.slice(0, limit)
          }),
        )
      },
      degraded: () => [...faults, ...own.degraded()],
    }
  }
}
