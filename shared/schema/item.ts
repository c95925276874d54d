/** @file The item (product) as the shop's API shows it after cleaning, and the identity of its content. */
import { z } from 'zod'
import { sha256Hex } from '../lib/sha256.ts'

export const ITEM_ID_CHARS_MAX = 128
export const TITLE_CHARS_MAX = 500
export const DESCRIPTION_CHARS_MAX = 20_000
export const ATTRIBUTES_MAX = 500
export const ATTRIBUTE_VALUE_CHARS_MAX = 1_000
export const CATEGORY_DEPTH_MAX = 10

export const AttributeValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])
export type AttributeValue = z.infer<typeof AttributeValue>

/**
 * A clean item: what `shared/quality` lets through and D1 stores. `price` is in major units of `currency`
 * (12.99, not 1299); `stock` counts pieces, null when the shop does not say (treated as in stock).
 */
export const Item = z.object({
  id: z.string().min(1).max(ITEM_ID_CHARS_MAX),
  title: z.string().min(1).max(TITLE_CHARS_MAX),
  description: z.string().max(DESCRIPTION_CHARS_MAX).default(''),
  brand: z.string().max(200).default(''),
  /** Path from the root, e.g. ["Electronics", "Audio", "Speakers"]. */
  category: z.array(z.string().min(1).max(200)).max(CATEGORY_DEPTH_MAX).default([]),
  price: z.number().nonnegative().nullable().default(null),
  /** ISO 4217, upper case; null when the price is null or the shop did not say. */
  currency: z.string().length(3).nullable().default(null),
  stock: z.int().nonnegative().nullable().default(null),
  attributes: z.record(z.string().min(1).max(200), AttributeValue).default({}),
  image: z.string().max(2_000).default(''),
  url: z.string().max(2_000).default(''),
})
export type Item = z.infer<typeof Item>

/** What a quality rule says about one field of one item. `quarantine` keeps the item out of the index. */
export const Finding = z.object({
  rule: z.string(),
  severity: z.enum(['info', 'warn', 'quarantine']),
  field: z.string(),
  /** One plain sentence for the shop's operator. */
  message: z.string(),
  /** The offending value, shortened to 200 characters. */
  evidence: z.string().optional(),
  /** The value that the rule would put there. */
  repair: z.object({ value: z.unknown(), confidence: z.number().min(0).max(1) }).optional(),
})
export type Finding = z.infer<typeof Finding>

/**
 * Identity of what the encoder reads: two items with equal hashes get equal vectors. Price, stock, image and URL are
 * left out, so changing them never touches BERT. 32 hex digits (128 bits of SHA-256).
 */
export async function contentHash(
  item: Pick<Item, 'title' | 'brand' | 'category' | 'description' | 'attributes'>,
): Promise<string> {
  const attributes = Object.entries(item.attributes).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const canonical = [item.title, item.brand, item.category, item.description, attributes]
  return (await sha256Hex(JSON.stringify(canonical))).slice(0, 32)
}

/** The text that the encoder reads for an item: title first, because truncation cuts the end. */
export function itemText(item: Pick<Item, 'title' | 'brand' | 'category' | 'description'>): string {
  return [item.title, item.brand, item.category.join(' '), item.description].filter(Boolean).join('. ')
}
