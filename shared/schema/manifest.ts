/** @file The manifest: the only mutable object of the index. Readers see one manifest whole, or the one before. */
import { z } from 'zod'
import { RANK_FEATURES_MAX } from './rank-features.ts'

export const MANIFEST_KEY = 'manifest.json'
export const MANIFEST_FORMAT = 1

const Blob = z.object({ key: z.string(), bytes: z.int().nonnegative(), sha256: z.string().length(64) })
export type Blob = z.infer<typeof Blob>

export const SegmentRef = z.object({
  id: z.string().min(1),
  /** Rows in the segment, tombstones included. */
  rows: z.int().nonnegative(),
  items: Blob,
  terms: Blob,
  /** Its live items whole, gzipped NDJSON of `BatchRow`: what a new model encodes. Never read by the edge. */
  source: Blob.optional(),
})
export type SegmentRef = z.infer<typeof SegmentRef>

/** What a model learnt of mixing words and vectors, on judged queries that it was not trained on. */
const weights = {
  /** Share of the vector score in [0, 1]; 0 means that vectors did not help and hybrid equals lexical. */
  vectorWeight: z.number().min(0).max(1),
  /** The same for queries with a number, absent 0: a size or a model is exact, and vectors blur it. */
  numberWeight: z.number().min(0).max(1).optional(),
}
export const LearntFusion = z.object({
  ...weights,
  /** Judged queries behind it. */
  queries: z.int().positive(),
})
export type LearntFusion = z.infer<typeof LearntFusion>

export const ModelRef = z.object({
  /** Content-derived id; item vectors of one manifest all come from this model. */
  id: z.string().min(1),
  trained: z.boolean(),
  /** Components per vector. */
  dim: z.int().positive(),
  layers: z.int().positive(),
  /** Tokens per item text, [CLS] and [SEP] included. */
  maxTokens: z.int().positive(),
  /** Query encoder that the edge runs: ONNX (int64 ids[1,S], f32 mask[1,S] → f32 emb[1,dim]) and its vocabulary. */
  queryEncoder: Blob,
  vocabulary: Blob,
  lowercase: z.boolean(),
  /** Absent in a model that saw no judgments: its weight is found on made-up queries. */
  fusion: LearntFusion.optional(),
})
export type ModelRef = z.infer<typeof ModelRef>

/** Scores the candidates of a recommendation: ONNX, f32 features[n, RANK_FEATURES_MAX] → f32 score[n], finite and ≥ 0. */
export const RankerRef = Blob.extend({
  /** The columns that it has learnt from: the first of `RANK_FEATURES`. */
  features: z.array(z.string()).min(1).max(RANK_FEATURES_MAX),
})
export type RankerRef = z.infer<typeof RankerRef>

/** How hybrid search mixes its two lists: as the model has learnt it, or found by the worker on known-item queries. */
export const Fusion = z.object({
  ...weights,
  /** Cosine from which an item that no word found is shown; absent, every one may be. */
  nearMin: z.number().min(-1).max(1).optional(),
  /** The figures behind the choice: MRR@10 of each weight tried on `queries` queries, none of a learnt one. Absent until validated. */
  evidence: z
    .object({ queries: z.int(), mrr: z.array(z.object({ vectorWeight: z.number(), mrr: z.number() })) })
    .optional(),
})
export type Fusion = z.infer<typeof Fusion>

/** Vectors of an index in lists of what is near to each other (`shared/vector/IVF.md`), to be read by ranges. */
export const IvfRef = z.object({
  /** Item vectors of this model, and nothing of another. */
  modelId: z.string(),
  head: Blob,
  lists: Blob,
  /** Ids of the segments whose vectors are in it; those of later ones are not. */
  segments: z.array(z.string()),
})
export type IvfRef = z.infer<typeof IvfRef>

/** Shards that one search may ask: all of them at once, a Worker may have so many connections waiting. */
export const SHARDS_MAX = 32

/** Who holds which segments, for an index that is too large for one isolate. Absent in a small one: each isolate holds it all. */
export const Placement = z.object({
  /** Names the set of shards: another placement is other shards, so that the old ones go on while these load. */
  id: z.string().min(1),
  /** Segment ids of each shard. */
  shards: z.array(z.array(z.string())).min(1).max(SHARDS_MAX),
  /** By segment id: rows that newer ones in other segments replace (`shared/segment/dead-rows.ts`). Absent: none. */
  deadRows: z.record(z.string(), Blob),
  /** Of the whole index, for what a shard alone cannot count: live items, and the sum of their lengths in half words. */
  liveCount: z.int().nonnegative(),
  lengthSum: z.int().nonnegative(),
})
export type Placement = z.infer<typeof Placement>

export const Manifest = z.object({
  format: z.literal(MANIFEST_FORMAT),
  /** Grows by one with each publish. */
  version: z.int().positive(),
  publishedAt: z.iso.datetime(),
  model: ModelRef,
  fusion: Fusion,
  /** Absent: candidates are scored by weights set by hand. */
  ranker: RankerRef.optional(),
  /** Oldest first. */
  segments: z.array(SegmentRef),
  placement: Placement.optional(),
  ivf: IvfRef.optional(),
})
export type Manifest = z.infer<typeof Manifest>

export const SEGMENTS_PREFIX = 'segments/'
export const IVF_PREFIX = 'ivf/'
export const segmentKeys = (segmentId: string) => ({
  items: `${SEGMENTS_PREFIX}${segmentId}/items.arrow`,
  terms: `${SEGMENTS_PREFIX}${segmentId}/terms.arrow`,
  source: `${SEGMENTS_PREFIX}${segmentId}/source.ndjson.gz`,
})
export const ivfKeys = (ivfId: string) => ({
  head: `${IVF_PREFIX}${ivfId}/head.ivf`,
  lists: `${IVF_PREFIX}${ivfId}/lists.ivf`,
})
/** Named by its content, since it changes with every delta that replaces rows of the segment. */
export const deadRowsKey = (segmentId: string, sha256: string): string =>
  `${SEGMENTS_PREFIX}${segmentId}/dead-${sha256.slice(0, 16)}.u32`
export const isDeadRowsKey = (key: string): boolean => /^segments\/[^/]+\/dead-[0-9a-f]+\.u32$/.test(key)
export const modelPrefix = (modelId: string): string => `models/${modelId}/`
