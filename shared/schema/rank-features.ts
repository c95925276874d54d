/** @file What a ranker knows of a candidate: one list for who computes the columns and for who learns from them. */

/**
 * Columns of f32 features[n, RANK_FEATURES_MAX], each in [0, 1]; what lies behind them is zero. Append only: a ranker names the
 * columns that it has learnt from, and they must be the first of this list.
 *
 *   vector    likeness to the shopper's interests, scaled to the best and the worst candidate of the request
 *   together  bought together with an item of the shopper's, by the strength of both
 *   category  share of the shopper's interest in its category
 *   popular   logarithm of its events, scaled to the most popular item
 *   seen      1 for an item that the shopper has looked at, unless it is time to buy it again, else 0
 *   brand     share of the shopper's tastes in its brand, scaled to the brand they turn to most
 *   price     likewise of its price band
 *   fresh     1 for the item that came to the shop last, falling over the last few, else 0
 *   again     how due an item is that the shopper buys again and again, else 0
 *   sale      1 for an item on sale, else 0
 */
export const RANK_FEATURES = [
  'vector',
  'together',
  'category',
  'popular',
  'seen',
  'brand',
  'price',
  'fresh',
  'again',
  'sale',
] as const
export type RankFeature = (typeof RANK_FEATURES)[number]

/** Floats of a row. */
export const RANK_FEATURES_MAX = 64
