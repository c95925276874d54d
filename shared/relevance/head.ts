/** @file The part of a model that says how relevant a title is to a query: trees over features, on the scale of the judgments. */
import { z } from 'zod'
import { predict, Trees } from './trees.ts'

/** Name of what the cross-encoder says of a pair, among the features. */
export const CROSS_ENCODER = 'crossEncoder'

export const RelevanceHead = z
  .object({
    version: z.literal(1),
    /** Names in the order of the rows; features that are added later change nothing for older models. */
    features: z.array(z.string()).min(1),
    /** How many cross-encoders there are, and the tokens of a pair that they read. */
    crossEncoders: z.int().nonnegative(),
    maxTokens: z.int().min(8),
    /** Lowest and highest relevance of the judgments. */
    lowest: z.number(),
    highest: z.number(),
    trees: Trees,
  })
  .refine(
    ({ features, trees }) =>
      trees.trees.every(({ feature }) => feature.every((one) => one < features.length)),
    'every feature of a tree has a name',
  )
export type RelevanceHead = z.infer<typeof RelevanceHead>

/** In [lowest, highest]. */
export const relevanceOf = ({ trees, lowest, highest }: RelevanceHead, row: ArrayLike<number>): number =>
  Math.min(highest, Math.max(lowest, predict(trees, row)))
