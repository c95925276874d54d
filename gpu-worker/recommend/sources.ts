/** @file The models whose candidates are ranked together: how each is fitted, and what of it a folder keeps. */
import { z } from 'zod'
import { coOccurrence } from './co-occurrence.ts'
import { easeSparse } from './ease.ts'
import { itemKnn } from './item-knn.ts'
import { type ItemText, textNeighbours } from './item-text.ts'
import { type Neighbours, neighbourModel } from './neighbours.ts'
import type { NextItemModel, Sequences } from './next-item.ts'
import { similarSequences } from './similar-sequences.ts'

/** How a source makes scores of what was fitted. */
export const SourceSettings = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('neighbours'),
    name: z.string(),
    /** Name of the table. */
    table: z.string(),
    eventsMax: z.int().positive(),
    recency: z.number(),
  }),
  z.object({
    kind: z.literal('sequences'),
    name: z.string(),
    neighbours: z.int().positive(),
    recency: z.number(),
    decay: z.number(),
    backward: z.number(),
  }),
  z.object({ kind: z.literal('transformer'), name: z.string() }),
])
export type SourceSettings = z.infer<typeof SourceSettings>
export type Tables = Readonly<Record<string, Neighbours>>
export type Source = { name: string; model: NextItemModel }

/** The table that does not come of what shoppers did, and so knows new items too. */
export const TEXT_TABLE = 'text'
const HISTORY_MAX = 50

export const SOURCES: readonly SourceSettings[] = [
  { kind: 'neighbours', name: 'co-occurrence', table: 'co-occurrence', eventsMax: HISTORY_MAX, recency: 1.3 },
  { kind: 'neighbours', name: 'after the last item', table: 'co-occurrence', eventsMax: 1, recency: 0 },
  { kind: 'neighbours', name: 'next to the last items', table: 'adjacent', eventsMax: 5, recency: 2 },
  { kind: 'neighbours', name: 'EASE', table: 'ease', eventsMax: HISTORY_MAX, recency: 0.7 },
  { kind: 'neighbours', name: 'item kNN', table: 'item-knn', eventsMax: HISTORY_MAX, recency: 0.3 },
  { kind: 'sequences', name: 'similar sequences', neighbours: 200, recency: 0.7, decay: 0.5, backward: 0.3 },
  {
    ...{ kind: 'sequences', name: 'many similar sequences' },
    ...{ neighbours: 1_000, recency: 0.3, decay: 0.2, backward: 0.3 },
  },
  { kind: 'neighbours', name: 'text', table: TEXT_TABLE, eventsMax: 10, recency: 1 },
  { kind: 'transformer', name: 'transformer' },
  { kind: 'neighbours', name: 'text of the last item', table: TEXT_TABLE, eventsMax: 1, recency: 0 },
]

const NEIGHBOURS_MAX = 500
const TEXT_NEIGHBOURS_MAX = 300
/** Items that foretell another one, at most: the closed form over all items would take 1.6 GB for 20,000 of them. */
const EASE_SUPPORT = 100

/** What shoppers did; `adjacent` looks at direct successors alone. */
export const fitTables = (data: Sequences): Tables => ({
  'co-occurrence': coOccurrence(data, {
    ...{ window: 50, decay: 0.7, backward: 0.2, from: 0.5, to: 0.05, limit: NEIGHBOURS_MAX },
  }),
  adjacent: coOccurrence(data, {
    ...{ window: 1, decay: 0, backward: 0.2, from: 0.5, to: 0.05, limit: NEIGHBOURS_MAX },
  }),
  'item-knn': itemKnn(data, { shrinkage: 1, limit: NEIGHBOURS_MAX }),
  ease: easeSparse(data, { ridge: 100, support: EASE_SUPPORT, limit: NEIGHBOURS_MAX }),
})

export const fitText = (texts: readonly ItemText[]): Tables => ({
  [TEXT_TABLE]: textNeighbours(texts, TEXT_NEIGHBOURS_MAX),
})

/** What sources are made of, beside the events themselves; null where there is no transformer. */
export type Fitted = { tables: Tables; transformer: NextItemModel | null }

/** Those that what was fitted can serve; the others say nothing. */
export const usedSources = <T extends SourceSettings>(
  settings: readonly T[],
  { tables, transformer }: { tables: Tables; transformer: unknown },
): T[] =>
  settings.filter((one) =>
    one.kind === 'neighbours'
      ? tables[one.table] !== undefined
      : one.kind === 'sequences' || transformer !== null,
  )

export const openSources = (
  settings: readonly SourceSettings[],
  { tables, transformer }: Fitted,
  data: Sequences,
): Source[] =>
  usedSources(settings, { tables, transformer }).map((one) => {
    if (one.kind === 'transformer') return { name: one.name, model: transformer! }
    if (one.kind === 'sequences') return { name: one.name, model: similarSequences(data, one) }
    return { name: one.name, model: neighbourModel(tables[one.table]!, one) }
  })
