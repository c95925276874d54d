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
import { isFull, planMerge, ROWS_PER_SEGMENT, SEGMENTS_MAX } from '../indexing/plan-merge.ts'
import { NO_SINK, type VectorSink } from '../vector-sink.ts'
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
  /** Where vectors go beside the segments. */
  sink?: VectorSink
  onEncoded?(count: number): void
}

export function createIndexItems({
  blobs,
  store,
  models,
  nowMs,
  sink = NO_SINK,
  onEncoded = () => {},
}: Deps): IndexItems {
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
        const written: Written[] = []
        for (let at = 0; at < complete.length; at += ROWS_PER_SEGMENT) {
          const part = complete.slice(at, at + ROWS_PER_SEGMENT)
          const source = part.map(({ row }) => row).filter(({ item }) => item !== null)
          written.push(await store.writeSegment(contentOf(part, model.ref.dim), source))
        }
        const refs = await mergeWhenDue(store, from, written)
        await sink.upsert(
          model.ref.id,
          complete.flatMap(({ row, vector }) => (vector ? [{ ...row, vector }] : [])),
        )
        if (lease.expired()) throw new JobError('the lease ended before the index could be published')
        const fusion: Fusion = from?.manifest.fusion ?? { vectorWeight: 0 }
        if (await store.publish(from, { model: model.ref, fusion, segments: refs }, nowMs())) {
          trimVectors()
          await sink.remove(replacedBy(plan.rows, from))
          return { encoded, published: true }
        }
      }
      throw new JobError(`other workers published first, ${PUBLISH_ATTEMPTS_MAX} times in a row`)
    },
  }
}

/** Item versions of the index before that these rows replace. */
const replacedBy = (rows: readonly PlannedRow[], from: Published | null) =>
  rows.flatMap(({ row: { number } }) => {
    const version = from?.state.versionOf(number) ?? 0
    return version > 0 ? [{ number, version }] : []
  })

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

/** References of the next manifest: what there was and what was written, or fewer and larger ones. */
async function mergeWhenDue(store: IndexStore, from: Published | null, written: readonly Written[]) {
  const all = [
    ...(from?.manifest.segments ?? []).map((one, at) => ({ ref: one, segment: from!.segments[at]! })),
    ...written,
  ]
  if (all.length <= SEGMENTS_MAX) return all.map(({ ref }) => ref)
  const newest = new Map<number, number>()
  for (const { segment } of all)
    for (let row = 0; row < segment.rows; row++) {
      const number = segment.number[row]!
      newest.set(number, Math.max(newest.get(number) ?? 0, segment.version[row]!))
    }
  const isNewest = (segment: Segment, row: number) =>
    newest.get(segment.number[row]!) === segment.version[row]
  const sized = all.map(({ ref, segment }) => {
    let newestRows = 0
    for (let row = 0; row < segment.rows; row++) if (isNewest(segment, row)) newestRows++
    return { ref, segment, rows: ref.rows, bytes: ref.items.bytes + ref.terms.bytes, newest: newestRows }
  })
  // Versions say which row counts, so that full segments may stand before all others.
  const [full, open] = [sized.filter((one) => isFull(one)), sized.filter((one) => !isFull(one))]
  const at = planMerge(open)
  if (at === null) return all.map(({ ref }) => ref)
  const taken = open.slice(at)
  // Tombstones stay for good: without them a late message could bring a removed item back.
  const merged = mergeSegments(
    taken.map(({ segment }) => segment),
    isNewest,
  )
  const source = await mergeSources(
    store,
    taken.map(({ ref }) => ref),
    newest,
  )
  const left = [...full, ...open.slice(0, at)].map(({ ref }) => ref)
  return [...left, (await store.writeSegment(merged, source)).ref]
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
