/** @file Stable numbers of items: from the index in memory, and from the catalogue only for those that it does not show. */
import type { Index } from '../../shared/retrieval/load-index.ts'

export type NumbersOf = (itemIds: readonly string[]) => Promise<ReadonlyMap<string, number>>

/**
 * An item has its number for life, so that an old index is as good as a new one; most events then ask no database.
 *
 * @param held            null in a cold isolate
 * @param findInCatalogue numbers of the ids that the catalogue knows
 */
export const createNumbersOf =
  (held: () => Pick<Index, 'docOfId' | 'number'> | null, findInCatalogue: NumbersOf): NumbersOf =>
  async (itemIds) => {
    const index = held()
    if (index === null) return findInCatalogue(itemIds)
    const numbers = new Map<string, number>()
    const others: string[] = []
    for (const id of itemIds) {
      const doc = index.docOfId(id)
      if (doc === undefined) others.push(id)
      else numbers.set(id, index.number(doc))
    }
    if (others.length === 0) return numbers
    return new Map([...numbers, ...(await findInCatalogue(others))])
  }
