/** @file What recipes learn from: items, and what people said of them or did with them. */
import { itemText } from '../../shared/schema/item.ts'

export type TrainingItem = {
  id: string
  title: string
  brand: string
  category: string[]
  description: string
}
/** How well an item answers a query, on any scale where more is better. */
export type Judgment = { query: string; itemId: string; relevance: number }
export type TrainingData = {
  items: readonly TrainingItem[]
  judgments: readonly Judgment[]
  /** Items of one basket or session, in order. */
  baskets: readonly (readonly string[])[]
  /** Queries without answers. */
  queries: readonly string[]
}

export const textOf = (item: TrainingItem): string => itemText(item)

/** Why a recipe cannot learn from the data: a sentence for whoever gave it. */
export class DataError extends Error {}

/** @throws DataError where all are one text: every loss would be 0 and the model stay as it was, which looks like success */
export function requireDifferent(texts: Iterable<string>, what: string): void {
  if (new Set(texts).size < 2)
    throw new DataError(`There is nothing to tell apart: ${what} have the same text.`)
}
