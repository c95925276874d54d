/** @file A small index built in memory through the real format: for tests on both sides. */
import { assert } from '../lib/result.ts'
import { contentHash, Item } from '../schema/item.ts'
import type { Manifest, SegmentRef } from '../schema/manifest.ts'
import { contentOf } from '../segment/content.ts'
import { decodeSegment, type Segment } from '../segment/decode.ts'
import { encodeSegment } from '../segment/encode.ts'
import { quantiseItem } from '../vector/quantise.ts'
import { buildIndex, type Index } from './load-index.ts'

export type FixtureItem = Partial<Item> & { id: string; title: string; vector?: Float32Array }

type SegmentOptions = { from?: number; version?: number; id?: string; dim?: number }

/** A segment with items numbered from `from`; a removed row is a tombstone. */
export async function fixtureSegment(
  rows: readonly (FixtureItem | { number: number; removed: true })[],
  { from = 1, version = 1, id, dim = 4 }: SegmentOptions = {},
): Promise<Segment> {
  const prepared = await Promise.all(
    rows.map(async (row, index) => {
      if ('removed' in row)
        return {
          row: { number: row.number, version, contentHash: '0'.repeat(32), duplicateOf: null, item: null },
          vector: null,
        }
      const { vector, ...fields } = row
      const item = Item.parse(fields)
      return {
        row: { number: from + index, version, contentHash: await contentHash(item), duplicateOf: null, item },
        vector: vector ? quantiseItem(vector) : null,
      }
    }),
  )
  const files = encodeSegment(contentOf(prepared, dim))
  const decoded = decodeSegment(files, fixtureRef(id ?? `s${from}-${version}`, rows.length))
  assert(decoded.ok, decoded.ok ? '' : decoded.error.reason)
  return decoded.value
}

const blob = (key: string) => ({ key, bytes: 0, sha256: '0'.repeat(64) })
export const fixtureRef = (id: string, rows: number): SegmentRef => ({
  id,
  rows,
  items: blob(`${id}/items`),
  terms: blob(`${id}/terms`),
})

export const fixtureManifest = (segments: SegmentRef[], change: Partial<Manifest> = {}): Manifest => ({
  format: 1,
  version: 1,
  publishedAt: '2026-01-01T00:00:00Z',
  model: {
    ...{ id: 'm1', trained: false, dim: 4, layers: 1, maxTokens: 64, lowercase: true },
    queryEncoder: blob('q'),
    vocabulary: blob('v'),
  },
  fusion: { vectorWeight: 0 },
  segments,
  ...change,
})

export async function fixtureIndex(
  items: readonly FixtureItem[],
  change: Partial<Manifest> = {},
): Promise<Index> {
  const segment = await fixtureSegment(items)
  return buildIndex(fixtureManifest([segment.ref], change), [segment])
}
