/** @file Replies of the API that the command line, the page and the tests read. `functions` turns these into OpenAPI. */
import { z } from 'zod'
import { Finding, Item } from './item.ts'

/** What some hits say beside their score. */
const notes = {
  /** It stands where it stands because somebody pays for it. */
  sponsored: z.literal(true).optional(),
  /** How likely it was to be shown at this place; absent where nothing is left to chance. */
  propensity: z.number().optional(),
  /** Parts of the score by name, which sum to it; null where a learnt ranker made it. Only when asked for. */
  attribution: z.record(z.string(), z.number()).nullable().optional(),
}
export const HitNotes = z.object(notes)
export type HitNotes = z.infer<typeof HitNotes>

export const Hit = z.object({
  id: z.string(),
  title: z.string(),
  brand: z.string(),
  category: z.array(z.string()),
  price: z.number().nullable(),
  currency: z.string().nullable(),
  inStock: z.boolean(),
  image: z.string(),
  url: z.string(),
  score: z.number(),
  /** At least one plain sentence: why is this here? */
  reasons: z.array(z.string()).min(1),
  ...notes,
})
export type Hit = z.infer<typeof Hit>

/** Members of every ranked reply. */
const ranked = {
  requestId: z.string(),
  indexVersion: z.int().nonnegative(),
  model: z.string().nullable(),
  degraded: z
    .array(z.string())
    .describe(
      'What was left out, or is not as good as it could be, e.g. "profile-timeout", "shard-2-segment-corrupt", "vectors-estimated" (memory is short: likenesses of some items are estimates) or "vectors-missing" (some items are found by words only). Empty when all is well.',
    ),
}

/** How many of all matching items have which brand, category and price: what `filter` could narrow them to. */
export const Facets = z.object({
  /** Most items first, at most 20. Filter by `brand="…"`. */
  brand: z.array(z.object({ value: z.string(), count: z.int() })).optional(),
  /**
   * Every level of the paths, most items first, at most 20; `value` is the last level of `path`, and a level counts the items
   * of those below it. Filter by `category="…"`.
   */
  category: z.array(z.object({ value: z.string(), path: z.array(z.string()), count: z.int() })).optional(),
  /** Ascending, at most 6, without gaps; items without a price are in none. Filter by `price>=from AND price<to`. */
  price: z.array(z.object({ from: z.number(), to: z.number(), count: z.int() })).optional(),
})
export type Facets = z.infer<typeof Facets>
export const FACET_NAMES = ['brand', 'category', 'price'] as const
export type FacetName = (typeof FACET_NAMES)[number]

export const SearchReply = z.object({
  ...ranked,
  hits: z.array(Hit),
  /** Matching items after filters (an upper bound of what paging can reach is 1,000). */
  total: z.int(),
  mode: z.enum(['hybrid', 'lexical', 'vector']),
  /** Those that were asked for, over all matches and not only the page. */
  facets: Facets.optional(),
})
export type SearchReply = z.infer<typeof SearchReply>

export const SuggestReply = z.object({
  requestId: z.string(),
  indexVersion: z.int().nonnegative(),
  /** Whole queries, lower case, best first. */
  suggestions: z.array(z.string()),
  /** Parts of the index that did not answer in time: "shard-2-timeout". */
  degraded: z.array(z.string()),
})
export type SuggestReply = z.infer<typeof SuggestReply>

export const RankedReply = z.object({ ...ranked, hits: z.array(Hit) })
export type RankedReply = z.infer<typeof RankedReply>

const Affinity = z.object({ name: z.string(), share: z.number() })
/** `itemId` is null for an item that has left the shop. */
const ofItem = { itemId: z.string().nullable(), number: z.int() }
export const ProfileReply = z.object({
  requestId: z.string(),
  version: z.int(),
  consent: z.object({
    word: z.enum(['unsaid', 'granted', 'refused']),
    since: z.string().nullable(),
    /** Is what the shopper does kept? Where nothing was said, the shop's configuration decides. */
    remembered: z.boolean(),
  }),
  /** What happened until then was forgotten on request. */
  forgottenUntil: z.string().nullable(),
  /** Null for a refusal, which is kept until it is taken back. */
  expiresAt: z.string().nullable(),
  /** Newest first, at most 50. What was done with one item in the same way within an hour is one of them. */
  events: z.array(z.object({ ...ofItem, kind: z.string(), time: z.string(), rating: z.number().optional() })),
  /** Newest first, at most 200: an item, and a day on which it was bought. */
  purchases: z.array(z.object({ ...ofItem, day: z.string() })),
  /** Shares of what the shopper turned to, which halve in eight weeks; most first. A price band ends before `to`. */
  affinities: z.object({
    brands: z.array(Affinity),
    categories: z.array(Affinity),
    prices: z.array(z.object({ from: z.number(), to: z.number(), share: z.number() })),
  }),
  degraded: z.array(z.string()),
})
export type ProfileReply = z.infer<typeof ProfileReply>

export const ImportReply = z.object({
  batchId: z.string().nullable(),
  received: z.int(),
  accepted: z.int(),
  quarantined: z.int(),
  duplicates: z.int(),
  /** One entry for each item that got a finding of severity warn or quarantine, at most 100. */
  findings: z.array(z.object({ index: z.int(), id: z.string().nullable(), findings: z.array(Finding) })),
})
export type ImportReply = z.infer<typeof ImportReply>

export const BatchReply = z.object({
  batchId: z.string(),
  state: z.enum(['pending', 'done', 'dead-letter']),
  items: z.int(),
  /** Of `items`, how many the index of the answering isolate shows in this or a newer version. */
  searchable: z.int(),
})
export type BatchReply = z.infer<typeof BatchReply>

export const ItemReply = z.object({
  item: Item,
  version: z.int(),
  findings: z.array(Finding),
  duplicateOf: z.string().nullable(),
  searchable: z.boolean(),
  indexVersion: z.int(),
  model: z.string().nullable(),
})
export type ItemReply = z.infer<typeof ItemReply>

export const EventsReply = z.object({
  accepted: z.int(),
  rejected: z.array(z.object({ index: z.int(), eventId: z.string().nullable(), message: z.string() })),
  warnings: z.array(z.object({ index: z.int(), message: z.string() })),
})
export type EventsReply = z.infer<typeof EventsReply>

export const StatusReply = z.object({
  items: z.object({ accepted: z.int(), searchable: z.int(), quarantined: z.int(), duplicates: z.int() }),
  index: z.object({
    version: z.int(),
    publishedAt: z.string().nullable(),
    segments: z.int(),
    residentBytes: z.int(),
    /** Which build of the vector kernels runs in the answering isolate; null while it has no index. */
    kernels: z.enum(['relaxed-simd', 'simd', 'plain']).nullable(),
    /** Bytes of WebAssembly memory, part of `residentBytes`. */
    vectorBytes: z.int(),
    /** Rows ranked by an estimate, and rows not ranked by vector at all, because memory is short. */
    estimatedRows: z.int(),
    missingRows: z.int(),
    /** Why the newest manifest or one of its segments could not be used; the index before it keeps serving. */
    fault: z.string().nullable(),
  }),
  model: z
    .object({
      id: z.string(),
      trained: z.boolean(),
      dim: z.int(),
      layers: z.int(),
      vectorWeight: z.number(),
      /** Known-item queries behind `vectorWeight`; null until the worker has found time to validate it. */
      validatedOn: z.int().nullable(),
    })
    .nullable(),
  queue: z.object({ pendingBatches: z.int(), oldestSeconds: z.number(), deadLetters: z.int() }),
  /** Named faults of the answering isolate since its start, most first, at most 128: "shard-2-timeout", "segment-corrupt". */
  faults: z.array(z.object({ name: z.string(), count: z.int(), last: z.string() })),
})
export type StatusReply = z.infer<typeof StatusReply>
