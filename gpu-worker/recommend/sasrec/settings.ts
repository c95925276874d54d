/** @file What may be set of the sequence model, with what did best on the last shown item of each user of Beauty. */
import { z } from 'zod'

export const SasrecSettings = z
  .strictObject({
    /** Numbers of an item's vector and a user's. */
    hidden: z.int().min(8).max(512).multipleOf(4).default(128),
    layers: z.int().min(1).max(8).default(1),
    heads: z.int().min(1).default(4),
    /** Numbers between the two layers of a feed-forward part. */
    inner: z.int().positive().default(128),
    /** Longest history; of a longer one the latest items count. */
    positions: z.int().min(2).max(200).default(50),
    epochs: z.int().positive().default(16),
    /** η of AdamW, at its highest. */
    rate: z.number().positive().default(1e-3),
    weightDecay: z.number().nonnegative().default(0.1),
    /** Share of numbers set to zero within the layers, [0, 1). */
    dropout: z.number().min(0).lt(1).default(0.4),
    /** τ of cosines. */
    temperature: z.number().positive().default(0.07),
    /** Share of the first ten places that items without events may take together. */
    newItemsShare: z.number().min(0).max(1).default(0.05),
    /** Rows of a step and places of a row: whole histories are laid into them, so that hardly a place is empty. */
    rows: z.int().positive().default(16),
    rowLength: z.int().positive().default(64),
    /** From more items than this on, the softmax is over a sample of them. */
    fullSoftmaxItemsMax: z.int().positive().default(50_000),
    sampledItems: z.int().positive().default(4_096),
  })
  .refine(({ hidden, heads }) => hidden % heads === 0, { path: ['heads'], message: 'must divide hidden' })
  .refine(({ rowLength, positions }) => rowLength >= positions, {
    path: ['rowLength'],
    message: 'must hold a whole history',
  })
export type SasrecSettings = z.infer<typeof SasrecSettings>
