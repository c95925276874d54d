/** @file The published index as the worker sees it: reads manifest and segments, writes segments, swaps the manifest. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { BatchRow } from '../../shared/schema/jobs.ts'
import {
  type Blob,
  MANIFEST_FORMAT,
  MANIFEST_KEY,
  Manifest,
  type SegmentRef,
  segmentKeys,
} from '../../shared/schema/manifest.ts'
import type { SegmentContent } from '../../shared/segment/content.ts'
import { decodeSegment, type Segment, verifyBlob } from '../../shared/segment/decode.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import type { BlobStore } from '../blob-store.ts'
import { type IndexedState, indexedState } from './plan-delta.ts'

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
   * Compare-and-set. False when another worker published since `from` was loaded: load again and plan again. A ranker stays when
   * `next` names none.
   */
  publish(
    from: Published | null,
    next: Omit<Manifest, 'format' | 'version' | 'publishedAt'>,
    nowMs: number,
  ): Promise<boolean>
  writeBlob(key: string, bytes: Uint8Array): Promise<Blob>
}

export function createIndexStore(blobs: BlobStore): IndexStore {
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
      const ranker = next.ranker ?? from?.manifest.ranker
      const manifest = Manifest.parse({
        ...next,
        ...(ranker ? { ranker } : {}),
        format: MANIFEST_FORMAT,
        version: (from?.manifest.version ?? 0) + 1,
        publishedAt: new Date(nowMs).toISOString(),
      })
      const bytes = new TextEncoder().encode(JSON.stringify(manifest))
      const put = await blobs.put(MANIFEST_KEY, bytes, from ? { ifMatch: from.etag } : { ifNoneMatch: '*' })
      return put.ok
    },
  }
}

export async function readBlob(blobs: BlobStore, blob: Blob): Promise<Uint8Array> {
  const object = await blobs.get(blob.key)
  if (!object) throw new Error(`${blob.key} is missing in the bucket`)
  if (!(await verifyBlob(object.bytes, blob)))
    throw new Error(`${blob.key} does not have the checksum that the manifest names`)
  return object.bytes
}
