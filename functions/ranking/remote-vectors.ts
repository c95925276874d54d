/**
 * @file Vectors that lie elsewhere: there one asks which item versions are near a query, and the index in this isolate says which of them it
 * shows. So a reply is of one index version, however far behind or ahead the others are.
 */
import type { Ranked } from '../../shared/retrieval/fusion.ts'
import { NOTHING_NEAR } from '../../shared/retrieval/hybrid.ts'
import type { DocMask, Index } from '../../shared/retrieval/load-index.ts'
import { acceptOf, findWords, pageOf, type Source, seenOf } from '../../shared/retrieval/source.ts'
import { searchVector } from '../../shared/retrieval/vector.ts'
import { vectorFaultsOf } from '../../shared/retrieval/vector-faults.ts'
import { isOpen } from '../../shared/vector/engine.ts'

/** One version of an item, and how near it is. */
export type NearItem = { number: number; version: number; cosine: number }
/** With a fault there may be items still: those of the parts that answered. */
export type Nearest = { items: NearItem[]; fault: 'timeout' | 'failed' | null }
export type RemoteVectors = {
  /** For `degraded`: "vectorize-timeout". */
  readonly name: string
  /** Are the vectors of this segment in it? The isolate scans those of the others. */
  covers(segmentId: string): boolean
  /** @param vector f32[dim], unit length. Best first. */
  nearest(modelId: string, vector: Float32Array): Promise<Nearest>
}

/** Nearest of the segments that are not covered there. */
const OWN_MAX = 200

/**
 * Words from the index, vectors from elsewhere. A lexical match that is not among the nearest there counts as having no likeness: how
 * near the others are is not told.
 */
export const createRemoteVectorSource = (index: Index, remote: RemoteVectors): Source => ({
  async retrieve(retrieval) {
    const { vector, vectorWeight } = retrieval
    const accept = acceptOf(index, retrieval)
    const seen = seenOf(index, retrieval)
    const lexical = findWords(index, retrieval, accept, seen)
    if (!vector) return pageOf(index, retrieval, { lexical, near: NOTHING_NEAR, seen })
    const { near, fault } = await nearestShown(index, remote, vector, accept)
    // Without any vectors the words keep their own order; vectors alone have nothing to fall back on.
    const weight = fault && near.length === 0 && vectorWeight < 1 ? 0 : vectorWeight
    const cosines = new Float32Array(lexical.matches.length)
    const matches = { lexical, near: { nearest: near, cosines }, seen }
    const page = pageOf(index, { ...retrieval, vectorWeight: weight }, matches)
    return { ...page, degraded: [...(fault ? [`${remote.name}-${fault}`] : []), ...vectorFaultsOf(index)] }
  },
})

/** Nearest documents of all segments, best first, equal scores by item number; with a fault, those of the parts that answered. */
export async function nearestShown(
  index: Index,
  remote: RemoteVectors,
  vector: Float32Array,
  accept?: DocMask,
): Promise<{ near: Ranked[]; fault: Nearest['fault'] }> {
  const { items, fault } = await remote.nearest(index.manifest.model.id, vector)
  const near = [...shownOf(index, items, accept), ...scanOthers(index, remote, vector, accept)]
  near.sort((a, b) => b.score - a.score || index.number(a.doc) - index.number(b.doc))
  return { near, fault }
}

function shownOf(index: Index, items: readonly NearItem[], accept: DocMask | undefined): Ranked[] {
  return items.flatMap(({ number, version, cosine }) => {
    const doc = index.docOfNumber(number)
    if (doc === undefined || (accept && !isOpen(accept, doc))) return []
    const { segment, row } = index.locate(doc)
    return segment.version[row] === version ? [{ doc, score: cosine }] : []
  })
}

function scanOthers(index: Index, remote: RemoteVectors, vector: Float32Array, accept?: DocMask): Ranked[] {
  const segments = index.segments.filter(({ segment }) => !remote.covers(segment.ref.id))
  return segments.length === 0 ? [] : searchVector({ ...index, segments }, vector, OWN_MAX, accept)
}
