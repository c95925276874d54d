/** @file Segments of one manifest as one searchable index: which rows count, and what they show. Immutable once built. */
import type { Manifest } from '../schema/manifest.ts'
import type { Hit } from '../schema/replies.ts'
import { idTerm } from '../segment/content.ts'
import type { Segment } from '../segment/decode.ts'
import { maskOf, scaleOf, type VectorEngine, type VectorPart } from '../vector/engine.ts'
import { createPlainEngine } from '../vector/plain-engine.ts'
import { createDocTable, type DocTable } from './doc-table.ts'

/** Documents that may be found: bit d % 32 of `mask[d / 32]`. u32[⌈docCount / 32⌉] */
export type DocMask = Uint32Array

/** A document is a row of a segment, numbered through all segments: `segmentBase + row`. */
export type Index = {
  readonly manifest: Manifest
  readonly segments: readonly PlacedSegment[]
  /** What ranks the vectors of the segments. */
  readonly engine: VectorEngine
  /** Documents, superseded rows included. */
  readonly docCount: number
  /** Documents that can be answers. */
  readonly liveCount: number
  /** 1 where the document can be an answer. */
  readonly live: Uint8Array
  /** Weighted length of the average live document, half words. */
  readonly averageLength: number
  /** Bytes that this index keeps in memory, beside what its engine holds. */
  readonly residentBytes: number
  /** Does the index show this version of the item (or its removal), or a newer one? */
  has(number: number, version: number): boolean
  /** Live document of an item number. */
  docOfNumber(number: number): number | undefined
  /** Live document of an item id. */
  docOfId(id: string): number | undefined
  number(doc: number): number
  price(doc: number): number
  stock(doc: number): number
  brand(doc: number): string
  category(doc: number): readonly string[]
  title(doc: number): string
  id(doc: number): string
  display(doc: number): Omit<Hit, 'score' | 'reasons'>
  /** Segment and row of a document. */
  locate(doc: number): { segment: Segment; part: VectorPart; row: number }
}
export type PlacedSegment = {
  segment: Segment
  base: number
  /** Its vectors in the engine. */
  part: VectorPart
  /** Bits of the rows that a vector search may find: live ones with a vector. */
  mask: Uint32Array
}

/** A segment's vectors as an engine takes them. */
export const placeVectors = (engine: VectorEngine, segment: Segment): VectorPart =>
  engine.place({
    dim: segment.dim,
    codes: segment.vectors,
    scales: segment.vectorScale,
    numbers: segment.number,
  })

/**
 * @param segments in the order of the manifest, oldest first
 * @param engine   ranks the vectors
 * @param parts    of the segments in the engine, where they are placed already
 */
export function buildIndex(
  manifest: Manifest,
  segments: readonly Segment[],
  engine: VectorEngine = createPlainEngine(),
  parts: readonly VectorPart[] = segments.map((segment) => placeVectors(engine, segment)),
): Index {
  let docCount = 0
  const bases = segments.map((segment, at) => {
    const base = docCount
    docCount += segment.rows
    return { segment, base, part: parts[at]! }
  })
  const numbers = numbersOf(segments, docCount)
  const newest = newestRows(bases, numbers)
  const live = new Uint8Array(docCount)
  let liveCount = 0
  let lengths = 0
  for (const doc of newest.docs()) {
    const { segment, row } = locateIn(bases, doc)
    if (segment.live[row] !== 1) continue
    live[doc] = 1
    liveCount++
    lengths += segment.length[row]!
  }
  const placed = bases.map((one) => {
    const { rows, vectorScale } = one.segment
    const mask = maskOf(rows, (row) => live[one.base + row] === 1 && scaleOf(vectorScale[row]!) > 0)
    return { ...one, mask }
  })
  const locate = (doc: number) => locateIn(placed, doc)
  const read =
    <T>(field: (segment: Segment, row: number) => T) =>
    (doc: number): T => {
      const { segment, row } = locate(doc)
      return field(segment, row)
    }
  const liveDoc = (doc: number | undefined) => (doc !== undefined && live[doc] === 1 ? doc : undefined)
  return {
    manifest,
    segments: placed,
    engine,
    docCount,
    liveCount,
    live,
    averageLength: liveCount > 0 ? lengths / liveCount : 1,
    residentBytes:
      segments.reduce((sum, segment) => sum + segment.bytes, 0) +
      docCount +
      newest.bytes +
      (segments.length > 1 ? numbers.byteLength : 0),
    has(number, version) {
      const doc = newest.get(number)
      if (doc === undefined) return false
      const { segment, row } = locate(doc)
      return segment.version[row]! >= version
    },
    docOfNumber: (number) => liveDoc(newest.get(number)),
    docOfId(id) {
      const term = idTerm(id)
      for (let at = placed.length - 1; at >= 0; at--) {
        const { segment, base } = placed[at]!
        const found = segment.terms.find(term)
        if (found < 0) continue
        for (const row of segment.terms.postings(found).rows) if (live[base + row] === 1) return base + row
      }
      return undefined
    },
    number: (doc) => numbers[doc]!,
    price: read((segment, row) => segment.price[row]!),
    stock: read((segment, row) => segment.stock[row]!),
    brand: read((segment, row) => segment.text.brand(row)),
    category: read((segment, row) => segment.text.category(row)),
    title: read((segment, row) => segment.text.title(row)),
    id: read((segment, row) => segment.text.id(row)),
    display: read(({ text, price, stock }, row) => ({
      id: text.id(row),
      title: text.title(row),
      brand: text.brand(row),
      category: [...text.category(row)],
      price: Number.isNaN(price[row]) ? null : price[row]!,
      currency: text.currency(row) || null,
      inStock: stock[row] !== 0,
      image: text.image(row),
      url: text.url(row),
    })),
    locate,
  }
}

type Based = Omit<PlacedSegment, 'mask'>

/** Document with the highest version of each number; of equals the one in the later segment. */
function newestRows(placed: readonly Based[], numbers: Uint32Array): DocTable {
  const newest = createDocTable(numbers.length, (doc) => numbers[doc]!)
  const versionOf = (doc: number) => {
    const { segment, row } = locateIn(placed, doc)
    return segment.version[row]!
  }
  for (const { segment, base } of placed)
    for (let row = 0; row < segment.rows; row++) {
      const held = newest.get(segment.number[row]!)
      if (held !== undefined && versionOf(held) > segment.version[row]!) continue
      newest.set(segment.number[row]!, base + row)
    }
  return newest
}

/** Item numbers of all documents: what is asked of them most often, and for each look-up of another. */
function numbersOf(segments: readonly Segment[], docCount: number): Uint32Array {
  if (segments.length === 1) return segments[0]!.number
  const numbers = new Uint32Array(docCount)
  let from = 0
  for (const { number } of segments) {
    numbers.set(number, from)
    from += number.length
  }
  return numbers
}

function locateIn(
  placed: readonly Based[],
  doc: number,
): { segment: Segment; part: VectorPart; row: number } {
  let at = placed.length - 1
  while (at > 0 && placed[at]!.base > doc) at--
  const { segment, part, base } = placed[at]!
  return { segment, part, row: doc - base }
}
