import { createIndexItems, type ItemSource } from '../../shared/retrieval/item-source.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { createIndexSource, type Source } from '../../shared/retrieval/source.ts'
import { createRemoteVectorSource, type RemoteVectors } from './remote-vectors.ts'
import type { RemoteVectorsOf } from './remote-vectors-of.ts'
import type { Shards } from './shards.ts'

/** Where the hits of a search on this index come from. */
export type SourceOf = (index: Index) => Source

type Deps = { shards: Pick<Shards, 'source'> | null; remoteVectorsOf: RemoteVectorsOf }

/** Shards where the index is divided, with the vectors that they hold; else this isolate, with vectors from elsewhere where it is told so. */
export const createSourceOf =
  ({ shards, remoteVectorsOf }: Deps): SourceOf =>
  (index) => {
    if (shards && index.manifest.placement) return shards.source(index.manifest)
    const remote = remoteVectorsOf(index.manifest)
    return remote ? createRemoteVectorSource(index, remote) : createIndexSource(index)
  }

/** Where the items of similar items and recommendations come from, for one request. */
export type ItemsOf = (index: Index) => ItemSource

type ItemsDeps = {
  shards: Pick<Shards, 'items'> | null
  remoteVectorsOf: RemoteVectorsOf
  remoteItemsOf(index: Index, remote: RemoteVectors): ItemSource
}

export const createItemsOf =
  ({ shards, remoteVectorsOf, remoteItemsOf }: ItemsDeps): ItemsOf =>
  (index) => {
    if (shards && index.manifest.placement) return shards.items(index.manifest)
    const remote = remoteVectorsOf(index.manifest)
    return remote ? remoteItemsOf(index, remote) : createIndexItems(index)
  }
