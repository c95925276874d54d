/** @file The published index as the worker sees it: reads manifest and segments, writes segments, swaps the manifest. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { BatchRow } from '../../shared/schema/jobs.ts'
import {
  type Blob,
  deadRowsKey,
  type IvfRef,
  MANIFEST_FORMAT,
  MANIFEST_KEY,
  Manifest,
  type Placement,
  type RankerRef,
  type SegmentRef,
  segmentKeys,
} from '../../shared/schema/manifest.ts'
import type { SegmentContent } from '../../shared/segment/content.ts'
import { encodeDeadRows, findDeadRows } from '../../shared/segment/dead-rows.ts'
import { decodeSegment, type Segment, verifyBlob } from '../../shared/segment/decode.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import type { BlobStore } from '../blob-store.ts'
import { type IndexedState, indexedState } from './plan-delta.ts'
import { LIMITS, planShards } from './plan-placement.ts'

/** One published version, loaded. `etag` is what a compare-and-set of the manifest must match. */
export type Published = {
  manifest: Manifest
  etag: string
  segments: readonly Segment[]
  state: IndexedState
}

export type IndexStore = {
  /** The newest published version, null before the first. Segments that are known are not read again. */
  load(): Promise<Published | null>
  /**
   * Encode and upload; nothing refers to it until a manifest does.
   *
   * @param source the live rows of the segment with their items whole, null where they are not known any more
   */
  writeSegment(
    content: SegmentContent,
    source: readonly BatchRow[] | null,
  ): Promise<{ ref: SegmentRef; segment: Segment }>
  /** The live rows of a segment with their items whole; null for one that was written without them. */
  readSource(ref: SegmentRef): Promise<BatchRow[] | null>
  /** The segments that some manifest named once, for the vectors in them. */
  loadSegments(refs: readonly SegmentRef[]): Promise<Segment[]>
  /**
   * Compare-and-set; an index that has grown too large for one isolate is given shards. False when another worker published since
   * `from` was loaded: load again and plan again. A ranker stays when `next` does not speak of it, and goes with null.
   */
  publish(
    from: Published | null,
    next: Pick<Manifest, 'model' | 'fusion' | 'segments' | 'ivf'> & { ranker?: RankerRef | null },
    nowMs: number,
  ): Promise<boolean>
  writeBlob(key: string, bytes: Uint8Array): Promise<Blob>
}

export function createIndexStore(blobs: BlobStore, limits = LIMITS): IndexStore {
  const segments = new Map<string, Segment>()
  let last: Published | null = null

  const writeBlob = async (key: string, bytes: Uint8Array): Promise<Blob> => {
    await blobs.put(key, bytes)
    return { key, bytes: bytes.length, sha256: await sha256Hex(bytes) }
  }
  const loadSegment = async (ref: SegmentRef): Promise<Segment> => {
    const known = segments.get(ref.id)
    if (known) return known
    const [items, terms] = await Promise.all([readBlob(blobs, ref.items), readBlob(blobs, ref.terms)])
    const decoded = decodeSegment({ items, terms }, ref)
    if (!decoded.ok) throw new Error(`Segment ${ref.id} cannot be read: ${decoded.error.reason}`)
    segments.set(ref.id, decoded.value)
    return decoded.value
  }

  const placementOf = async (
    before: Placement | undefined,
    refs: readonly SegmentRef[],
    version: number,
  ): Promise<Placement | null> => {
    const sizes = refs.map(({ id, items, terms }) => ({ id, bytes: items.bytes + terms.bytes }))
    const plan = planShards(before?.shards ?? null, sizes, limits)
    if (!plan) return null
    const loaded = await Promise.all(refs.map(loadSegment))
    const dead = findDeadRows(loaded)
    const deadRows: Placement['deadRows'] = {}
    let liveCount = 0
    let lengthSum = 0
    for (const [at, segment] of loaded.entries()) {
      const hidden = new Set(dead[at])
      for (let row = 0; row < segment.rows; row++) {
        if (segment.live[row] !== 1 || hidden.has(row)) continue
        liveCount++
        lengthSum += segment.length[row]!
      }
      if (hidden.size === 0) continue
      const bytes = encodeDeadRows(dead[at]!)
      const { id } = segment.ref
      const key = deadRowsKey(id, await sha256Hex(bytes))
      const known = before?.deadRows[id]
      deadRows[id] = known?.key === key ? known : await writeBlob(key, bytes)
    }
    const id = plan.moved ? `v${version}` : before!.id
    return { id, shards: plan.shards, deadRows, liveCount, lengthSum }
  }

  return {
    writeBlob,
    async load() {
      const object = await blobs.get(MANIFEST_KEY)
      if (!object) return null
      if (last?.etag === object.etag) return last
      const manifest = Manifest.parse(JSON.parse(new TextDecoder().decode(object.bytes)))
      const loaded = await Promise.all(manifest.segments.map(loadSegment))
      const named = new Set(manifest.segments.map(({ id }) => id))
      for (const id of segments.keys()) if (!named.has(id)) segments.delete(id)
      last = { manifest, etag: object.etag, segments: loaded, state: indexedState(loaded) }
      return last
    },
    async readSource({ source }) {
      if (!source) return null
      const text = gunzipSync(await readBlob(blobs, source)).toString()
      const lines = text.split('\n').filter((line) => line !== '')
      return lines.map((line) => BatchRow.parse(JSON.parse(line)))
    },
    loadSegments: (refs) => Promise.all(refs.map(loadSegment)),
    async writeSegment(content, source) {
      const files = encodeSegment(content)
      // The id is the content: two workers that build the same delta write the same object.
      const id = (await sha256Hex(`${await sha256Hex(files.items)}${await sha256Hex(files.terms)}`)).slice(
        0,
        24,
      )
      const keys = segmentKeys(id)
      const lines = source?.map((row) => `${JSON.stringify(row)}\n`).join('')
      const [items, terms, whole] = await Promise.all([
        writeBlob(keys.items, files.items),
        writeBlob(keys.terms, files.terms),
        lines === undefined ? undefined : writeBlob(keys.source, gzipSync(lines)),
      ])
      const rows = content.rows.length
      const ref: SegmentRef = { id, rows, items, terms, ...(whole ? { source: whole } : {}) }
      const decoded = decodeSegment(files, ref)
      if (!decoded.ok)
        throw new Error(`A segment that was just written cannot be read: ${decoded.error.reason}`)
      segments.set(id, decoded.value)
      return { ref, segment: decoded.value }
    },
    async publish(from, next, nowMs) {
      const version = (from?.manifest.version ?? 0) + 1
      const placement = await placementOf(from?.manifest.placement, next.segments, version)
      const ivf = ivfFor(next, next.ivf ?? from?.manifest.ivf)
      const ranker = next.ranker === undefined ? from?.manifest.ranker : next.ranker
      const manifest = Manifest.parse({
        ...{ model: next.model, fusion: next.fusion, segments: next.segments },
        ...(ranker ? { ranker } : {}),
        format: MANIFEST_FORMAT,
        version,
        publishedAt: new Date(nowMs).toISOString(),
        ...(placement ? { placement } : {}),
        ...(ivf ? { ivf } : {}),
      })
      const bytes = new TextEncoder().encode(JSON.stringify(manifest))
      const put = await blobs.put(MANIFEST_KEY, bytes, from ? { ifMatch: from.etag } : { ifNoneMatch: '*' })
      return put.ok
    },
  }
}

/** Lists go on as long as all their segments do; of a segment that was merged away nobody would know what they lack. */
function ivfFor(
  { model, segments }: Pick<Manifest, 'model' | 'segments'>,
  ivf: IvfRef | undefined,
): IvfRef | undefined {
  const present = new Set(segments.map(({ id }) => id))
  return ivf?.modelId === model.id && ivf.segments.every((id) => present.has(id)) ? ivf : undefined
}

export async function readBlob(blobs: BlobStore, blob: Blob): Promise<Uint8Array> {
  const object = await blobs.get(blob.key)
  if (!object) throw new Error(`${blob.key} is missing in the bucket`)
  if (!(await verifyBlob(object.bytes, blob)))
    throw new Error(`${blob.key} does not have the checksum that the manifest names`)
  return object.bytes
}
