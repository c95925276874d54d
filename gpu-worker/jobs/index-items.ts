/**
 * @file The index job: changed items → a delta segment → the next manifest. Every effect is keyed (number and version,
 * content hash, compare-and-set), so that a message that comes twice, late or to two workers changes nothing.
 */
import { itemText } from '../../shared/schema/item.ts'
import { BatchRow, batchKey } from '../../shared/schema/jobs.ts'
import type { Fusion } from '../../shared/schema/manifest.ts'
import { contentOf } from '../../shared/segment/content.ts'
import type { Segment } from '../../shared/segment/decode.ts'
import { mergeSegments } from '../../shared/segment/merge.ts'
import { type QuantisedVector, quantiseItem } from '../../shared/vector/quantise.ts'
import type { BlobStore } from '../blob-store.ts'
import type { IndexStore, Published } from '../indexing/index-store.ts'
import { type PlannedRow, planDelta } from '../indexing/plan-delta.ts'
import { planMerge } from '../indexing/plan-merge.ts'
import type { LoadedModel, ModelStore } from './model.ts'

/** Races that one job may lose to other workers before its messages go back to the queue. */
const PUBLISH_ATTEMPTS_MAX = 8
/** Texts between two looks at the lease and two progress reports. */
const TEXTS_PER_STEP = 256
/** Vectors kept after a job, so that a job that ran out of its lease does not start from nothing. */
const VECTORS_KEPT_MAX = 50_000

export class JobError extends Error {}

export type IndexItems = {
  /** Bring the index up to date with these batches. Throws when it could not: the messages must come again. */
  run(batchIds: readonly string[], lease: Lease): Promise<{ encoded: number; published: boolean }>
}
/** `expired` turns true when others may get the messages: nothing is published from then on. */
export type Lease = { expired(): boolean }

type Deps = {
  blobs: BlobStore
  store: IndexStore
  models: ModelStore
  nowMs(): number
  onEncoded?(count: number): void
}

export function createIndexItems({ blobs, store, models, nowMs, onEncoded = () => {} }: Deps): IndexItems {
  /** `${modelId} ${contentHash}` → vector. */
  const vectors = new Map<string, QuantisedVector>()

  const encode = async (model: LoadedModel, rows: readonly PlannedRow[], lease: Lease): Promise<number> => {
    const missing = new Map<string, string>()
    for (const { row, vector } of rows) {
      const key = `${model.ref.id} ${row.contentHash}`
      if (!row.item || vector || vectors.has(key)) continue
      missing.set(key, itemText(row.item))
    }
    const texts = [...missing]
    for (let from = 0; from < texts.length; from += TEXTS_PER_STEP) {
      if (lease.expired()) throw new JobError('the lease ended while items were being encoded')
      const step = texts.slice(from, from + TEXTS_PER_STEP)
      const encoded = await model.encode(step.map(([, text]) => text))
      step.forEach(([key], index) => {
        vectors.set(key, quantiseItem(encoded[index]!))
      })
      onEncoded(step.length)
    }
    return texts.length
  }
  const trimVectors = () => {
    for (const key of vectors.keys()) {
      if (vectors.size <= VECTORS_KEPT_MAX) return
      vectors.delete(key)
    }
  }

  return {
    async run(batchIds, lease) {
      const rows = (await Promise.all(batchIds.map((batchId) => readBatch(blobs, batchId)))).flat()
      let encoded = 0
      for (let attempt = 0; attempt < PUBLISH_ATTEMPTS_MAX; attempt++) {
        const from = await store.load()
        const plan = planDelta(from?.state ?? EMPTY_STATE, rows)
        if (plan.rows.length === 0) return { encoded, published: false }
        const model = from
          ? await models.load(from.manifest.model)
          : await models.bootstrap(rows.flatMap(({ item }) => (item ? [itemText(item)] : [])))
        encoded += await encode(model, plan.rows, lease)
        const complete = plan.rows.map(({ row, vector }) => ({
          row,
          vector: row.item ? (vector ?? vectors.get(`${model.ref.id} ${row.contentHash}`) ?? null) : null,
        }))
        const { ref, segment } = await store.writeSegment(
          contentOf(complete, model.ref.dim),
          complete.map(({ row }) => row).filter(({ item }) => item !== null),
        )
        const refs = await mergeWhenDue(store, from, ref, segment)
        if (lease.expired()) throw new JobError('the lease ended before the index could be published')
        const fusion: Fusion = from?.manifest.fusion ?? { vectorWeight: 0 }
        if (await store.publish(from, { model: model.ref, fusion, segments: refs }, nowMs())) {
          trimVectors()
          return { encoded, published: true }
        }
      }
      throw new JobError(`other workers published first, ${PUBLISH_ATTEMPTS_MAX} times in a row`)
    },
  }
}

const EMPTY_STATE = { versionOf: () => 0, vectorOf: () => null }

async function readBatch(blobs: BlobStore, batchId: string): Promise<BatchRow[]> {
  const object = await blobs.get(batchKey(batchId))
  // The edge may have stopped between its database and the bucket; its sweep writes the batch again.
  if (!object) throw new JobError(`batch ${batchId} is not in the bucket yet`)
  return new TextDecoder()
    .decode(object.bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => BatchRow.parse(JSON.parse(line)))
}

type Written = Awaited<ReturnType<IndexStore['writeSegment']>>

/** References of the next manifest: what there was and the delta, or fewer and larger ones. */
async function mergeWhenDue(
  store: IndexStore,
  from: Published | null,
  ref: Written['ref'],
  segment: Written['segment'],
) {
  const refs = [...(from?.manifest.segments ?? []), ref]
  const segments = [...(from?.segments ?? []), segment]
  const at = planMerge(refs)
  if (at === null) return refs
  const newest = new Map<number, number>()
  for (const { number, version, rows } of segments)
    for (let row = 0; row < rows; row++)
      newest.set(number[row]!, Math.max(newest.get(number[row]!) ?? 0, version[row]!))
  const isNewest = (segment: Segment, row: number) =>
    newest.get(segment.number[row]!) === segment.version[row]
  // Tombstones stay for good: without them a late message could bring a removed item back.
  const merged = mergeSegments(segments.slice(at), isNewest)
  const source = await mergeSources(store, refs.slice(at), newest)
  return [...refs.slice(0, at), (await store.writeSegment(merged, source)).ref]
}

/** Null when one of the segments has no source: a part of the items would be a trap for whoever reads it. */
async function mergeSources(
  store: IndexStore,
  refs: readonly Written['ref'][],
  newest: ReadonlyMap<number, number>,
): Promise<BatchRow[] | null> {
  const sources = await Promise.all(refs.map((ref) => store.readSource(ref)))
  if (sources.includes(null)) return null
  return sources.flatMap((rows) => rows ?? []).filter((row) => newest.get(row.number) === row.version)
}
