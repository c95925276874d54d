/**
 * @file Switch a shop to another model: every item is encoded under it beside the live index, and one publish of the manifest
 * swaps both at once. Whatever is published meanwhile is encoded after, until nothing is left between.
 */
import { buildIndex } from '../../shared/retrieval/load-index.ts'
import { itemText } from '../../shared/schema/item.ts'
import type { BatchRow } from '../../shared/schema/jobs.ts'
import type { Fusion, Manifest, ModelRef, SegmentRef } from '../../shared/schema/manifest.ts'
import { lastIndexKey } from '../../shared/schema/models.ts'
import { contentOf } from '../../shared/segment/content.ts'
import type { Segment } from '../../shared/segment/decode.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import type { BlobStore } from '../blob-store.ts'
import type { IndexStore, Published } from '../indexing/index-store.ts'
import { indexedState } from '../indexing/plan-delta.ts'
import { chooseVectorWeight } from '../indexing/validate-fusion.ts'
import type { LoadedModel } from '../jobs/model.ts'
import { createNodeEngine } from '../runtime/kernels.ts'

export class ActivationError extends Error {}

type Deps = { blobs: BlobStore; store: IndexStore; nowMs(): number }
type Options = {
  onProgress(done: number, total: number): Promise<void>
  shouldStop(): boolean
}

/** Publishes that may come in between; each round is shorter than the one before. */
const ROUNDS_MAX = 50
const TEXTS_PER_STEP = 256

/** What the index will be: written, not yet named by a manifest. */
type Shadow = { refs: SegmentRef[]; segments: Segment[]; versions: Map<number, number> }

/** @returns how many items had to be encoded, and the version that the index has now */
export async function activateModel(
  { blobs, store, nowMs }: Deps,
  model: LoadedModel,
  { onProgress, shouldStop }: Options,
): Promise<{ encoded: number; version: number }> {
  const known = indexedState(await store.loadSegments(await segmentsOf(blobs, model.ref)))
  const shadow: Shadow = { refs: [], segments: [], versions: new Map() }
  let encoded = 0
  let fusion: Fusion | null = null

  for (let round = 0; round < ROUNDS_MAX; round++) {
    const live = await store.load()
    if (!live) throw new ActivationError('There is no index yet; import a catalogue first.')
    if (live.manifest.model.id === model.ref.id) return { encoded, version: live.manifest.version }
    const rows = await rowsAhead(store, live, shadow)
    const complete: Parameters<typeof contentOf>[0][number][] = []
    for (let from = 0; from < rows.length; from += TEXTS_PER_STEP) {
      if (shouldStop()) throw new ActivationError('stopped')
      const part = rows.slice(from, from + TEXTS_PER_STEP)
      const missing = part.filter(({ item, contentHash }) => item && !known.vectorOf(contentHash))
      const vectors = await model.encode(missing.map(({ item }) => itemText(item!)))
      const fresh = new Map(missing.map(({ number }, at) => [number, quantiseItem(vectors[at]!)]))
      for (const row of part)
        complete.push({
          row,
          vector: row.item ? (known.vectorOf(row.contentHash) ?? fresh.get(row.number)!) : null,
        })
      encoded += missing.length
      await onProgress(from + part.length, rows.length)
    }
    if (complete.length > 0 || shadow.refs.length === 0) {
      const present = complete.map(({ row }) => row).filter(({ item }) => item !== null)
      const { ref, segment } = await store.writeSegment(contentOf(complete, model.ref.dim), present)
      shadow.refs.push(ref)
      shadow.segments.push(segment)
      for (const { number, version } of rows) shadow.versions.set(number, version)
    }
    fusion ??= await fusionFor(live.manifest, model, shadow)
    const next = { model: model.ref, fusion, segments: shadow.refs }
    if (await store.publish(live, next, nowMs())) {
      await keepForReturn(blobs, live.manifest)
      return { encoded, version: live.manifest.version + 1 }
    }
  }
  throw new ActivationError(`The index changed ${ROUNDS_MAX} times while it was being switched; try again.`)
}

/** Newest rows of the live index that the shadow does not have yet, by number; tombstones included. */
async function rowsAhead(store: IndexStore, live: Published, shadow: Shadow): Promise<BatchRow[]> {
  const ahead = new Map<number, { version: number; segment: Segment; row: number }>()
  for (const segment of live.segments)
    for (let row = 0; row < segment.rows; row++) {
      const number = segment.number[row]!
      const version = segment.version[row]!
      if (version <= (shadow.versions.get(number) ?? 0)) continue
      if (version > (ahead.get(number)?.version ?? 0)) ahead.set(number, { version, segment, row })
    }
  const rows: BatchRow[] = []
  const wanted = new Map<string, Set<number>>()
  for (const [number, { version, segment, row }] of ahead)
    if (segment.live[row] === 1)
      wanted.set(segment.ref.id, (wanted.get(segment.ref.id) ?? new Set()).add(number))
    else
      rows.push({
        number,
        version,
        contentHash: segment.text.contentHash(row),
        duplicateOf: null,
        item: null,
      })
  for (const ref of live.manifest.segments) {
    const numbers = wanted.get(ref.id)
    if (!numbers) continue
    const source = await store.readSource(ref)
    if (!source)
      throw new ActivationError(
        'Part of the index was written without its source by an older version of Aisle: import the catalogue again, then activate.',
      )
    rows.push(
      ...source.filter(
        ({ number, version }) => numbers.has(number) && ahead.get(number)!.version === version,
      ),
    )
  }
  return rows.sort((a, b) => a.number - b.number)
}

/** Found before the switch, so that the first search under the new model is as good as the hundredth. */
async function fusionFor(live: Manifest, model: LoadedModel, shadow: Shadow): Promise<Fusion> {
  const manifest: Manifest = { ...live, model: model.ref, segments: shadow.refs, fusion: { vectorWeight: 0 } }
  return (await chooseVectorWeight(buildIndex(manifest, shadow.segments, createNodeEngine()), model.encode))!
}

/** The way back is short: the vectors of the old model stay where they are, and this says where. */
async function keepForReturn(blobs: BlobStore, { model, segments }: Manifest): Promise<void> {
  await blobs.put(lastIndexKey(model.id), new TextEncoder().encode(JSON.stringify(segments)))
}

async function segmentsOf(blobs: BlobStore, { id }: ModelRef): Promise<SegmentRef[]> {
  const object = await blobs.get(lastIndexKey(id))
  return object ? (JSON.parse(new TextDecoder().decode(object.bytes)) as SegmentRef[]) : []
}
