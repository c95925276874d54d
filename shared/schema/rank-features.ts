/** @file What a ranker knows of a candidate: one list for who computes the columns and for who learns from them. */

/**
 * Columns of f32 features[n, RANK_FEATURES_MAX], each in [0, 1]; what lies behind them is zero. Append only: a ranker names the
 * columns that it has learnt from, and they must be the first of this list.
 *
 *   vector    likeness to the shopper's interests, scaled to the best and the worst candidate of the request
 *   together  bought together with an item of the shopper's, by the strength of both
 *   category  share of the shopper's interest in its category
 *   popular   logarithm of its events, scaled to the most popular item
 *   seen      1 for an item that the shopper has looked at, else 0
 */
export const RANK_FEATURES = ['vector', 'together', 'category', 'popular', 'seen'] as const
export type RankFeature = (typeof RANK_FEATURES)[number]

/** Floats of a row. */
export const RANK_FEATURES_MAX = 64
