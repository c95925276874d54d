import type { Index } from '../../shared/retrieval/load-index.ts'
import type { Shards } from './shards.ts'

/**
 * Does the index show these versions of the items (or their removal), or newer ones? In order. A divided index asks its shards;
 * where one does not answer the reply is no, and is asked again by whoever waits for a yes.
 */
export type Shows = (
  index: Index | null,
  rows: readonly { number: number; version: number }[],
) => Promise<boolean[]>

export const createShows =
  (shards: Pick<Shards, 'has'> | null): Shows =>
  async (index, rows) => {
    if (index && shards && index.manifest.placement && rows.length > 0)
      return shards.has(index.manifest, rows)
    return rows.map(({ number, version }) => index?.has(number, version) ?? false)
  }
