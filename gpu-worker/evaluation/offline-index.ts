/** @file A catalogue as a searchable index in memory, through the real segment format: what the edge would answer, without one. */
import { assert } from '../../shared/lib/result.ts'
import { buildIndex, type Index } from '../../shared/retrieval/load-index.ts'
import type { Item } from '../../shared/schema/item.ts'
import { itemText } from '../../shared/schema/item.ts'
import type { Fusion, LearntFusion, Manifest } from '../../shared/schema/manifest.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { decodeSegment } from '../../shared/segment/decode.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import { createNodeEngine } from '../runtime/kernels.ts'

/** Texts → unit vectors f32[dim]. */
export type EncodeTexts = (texts: string[]) => Promise<Float32Array[]>
export type OfflineModel = { dim: number; trained: boolean; fusion?: LearntFusion; encode: EncodeTexts }

const TEXTS_PER_STEP = 512
const NOTHING = { key: 'offline', bytes: 0, sha256: '0'.repeat(64) }

/** @param model null makes an index of words only */
export async function buildOfflineIndex(
  items: readonly Item[],
  model: OfflineModel | null,
  onProgress: (done: number) => void = () => {},
): Promise<Index> {
  const dim = model?.dim ?? 4
  const rows: Parameters<typeof contentOf>[0][number][] = []
  for (let from = 0; from < items.length; from += TEXTS_PER_STEP) {
    const part = items.slice(from, from + TEXTS_PER_STEP)
    const vectors = model ? await model.encode(part.map(itemText)) : null
    part.forEach((item, at) => {
      const row = {
        number: from + at + 1,
        version: 1,
        contentHash: '0'.repeat(32),
        duplicateOf: null,
        item,
      }
      rows.push({ row, vector: vectors ? quantiseItem(vectors[at]!) : null })
    })
    onProgress(from + part.length)
  }
  const ref = { id: 'offline', rows: rows.length, items: NOTHING, terms: NOTHING }
  const segment = decodeSegment(encodeSegment(contentOf(rows, dim)), ref)
  assert(segment.ok, segment.ok ? '' : segment.error.reason)
  const manifest: Manifest = {
    format: 1,
    version: 1,
    publishedAt: new Date(0).toISOString(),
    model: {
      id: 'offline',
      trained: model?.trained ?? false,
      dim,
      layers: 1,
      maxTokens: 64,
      queryEncoder: NOTHING,
      vocabulary: NOTHING,
      lowercase: true,
      ...(model?.fusion ? { fusion: model.fusion } : {}),
    },
    fusion: { vectorWeight: 0 },
    segments: [ref],
  }
  return buildIndex(manifest, [segment.value], createNodeEngine())
}

/** The same index under another mixture of words and vectors. */
export const withFusion = (index: Index, fusion: Fusion): Index => ({
  ...index,
  manifest: { ...index.manifest, fusion },
})
