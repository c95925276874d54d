/** @file Several segments → the content of one, without reading texts again: rows are copied, posting lists renumbered. */
import { addPosting, type Postings, type SegmentContent, type SegmentRow } from './content.ts'
import type { Segment } from './decode.ts'

/**
 * @param segments oldest first, of one model
 * @param keep     which rows go on living in the merged segment
 */
export function mergeSegments(
  segments: readonly Segment[],
  keep: (segment: Segment, row: number) => boolean,
): SegmentContent {
  const rows: SegmentRow[] = []
  const postings = new Map<string, Postings>()
  for (const segment of segments) {
    const newRow = new Int32Array(segment.rows).fill(-1)
    for (let row = 0; row < segment.rows; row++)
      if (keep(segment, row)) newRow[row] = rows.push(rowOf(segment, row)) - 1
    for (let at = 0; at < segment.terms.count; at++) {
      const list = segment.terms.postings(at)
      let term = ''
      for (let i = 0; i < list.rows.length; i++) {
        const row = newRow[list.rows[i]!]!
        if (row < 0) continue
        if (term === '') term = segment.terms.term(at)
        addPosting(postings, term, row, list.weights[i]!)
      }
    }
  }
  return { dim: segments[0]?.dim ?? 0, rows, postings }
}

/** One row back in the writer's form. */
export function rowOf(segment: Segment, row: number): SegmentRow {
  const { text, dim } = segment
  const price = segment.price[row]!
  const stock = segment.stock[row]!
  const scale = segment.vectorScale[row]!
  return {
    number: segment.number[row]!,
    version: segment.version[row]!,
    live: segment.live[row] === 1,
    contentHash: text.contentHash(row),
    id: text.id(row),
    title: text.title(row),
    brand: text.brand(row),
    category: text.category(row),
    price: Number.isNaN(price) ? null : price,
    currency: text.currency(row) || null,
    stock: stock < 0 ? null : stock,
    image: text.image(row),
    url: text.url(row),
    length: segment.length[row]!,
    vector: scale === 0 ? null : { codes: segment.vectors.slice(row * dim, (row + 1) * dim), scale },
  }
}
