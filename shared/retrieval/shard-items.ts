/** @file What a shard tells of its items to a Worker that ranks them: facts, vectors, and which of them are near or match. */
import type { Filter } from './filter.ts'
import type { Ranked } from './fusion.ts'
import { maskAmong } from './item-source.ts'
import { type LexicalPlan, searchPlanned } from './lexical.ts'
import type { DocMask, Index } from './load-index.ts'
import { newestDocs } from './newest.ts'
import { showItems } from './shard.ts'
import type { Display } from './source.ts'
import { searchVectors, vectorOf } from './vector.ts'

export type ItemFacts = {
  number: number
  id: string
  title: string
  brand: string
  category: readonly string[]
  stock: number
  /** NaN when it is not known. */
  price: number
}
/** `docs` are rows of the shard, numbered through its segments; all others are item numbers. */
export type ItemsAsked = {
  ids: readonly string[]
  numbers: readonly number[]
  docs: readonly number[]
  vectors: readonly number[]
  displays: readonly number[]
}
export type ItemsTold = {
  /** Of `ids` and `numbers`, those that are live here. */
  facts: ItemFacts[]
  /** In the order asked; null for one that is not live (here). */
  docs: (ItemFacts | null)[]
  vectors: (Float32Array | null)[]
  displays: (Display | null)[]
}

export function tellItems(index: Index, { ids, numbers, docs, vectors, displays }: ItemsAsked): ItemsTold {
  const found = [...ids.map(index.docOfId), ...numbers.map(index.docOfNumber)]
  return {
    facts: found.flatMap((doc) => (doc === undefined ? [] : [factsOf(index, doc)])),
    docs: docs.map((doc) => (index.live[doc] === 1 ? factsOf(index, doc) : null)),
    vectors: vectors.map((number) => {
      const doc = index.docOfNumber(number)
      return doc === undefined ? null : vectorOf(index, doc)
    }),
    displays: showItems(index, displays),
  }
}

const factsOf = (index: Index, doc: number): ItemFacts => ({
  number: index.number(doc),
  id: index.id(doc),
  title: index.title(doc),
  brand: index.brand(doc),
  category: index.category(doc),
  stock: index.stock(doc),
  price: index.price(doc),
})

export type CandidatesAsked = {
  by:
    | { kind: 'words'; plan: LexicalPlan }
    /** f32[dim] each */
    | { kind: 'vectors'; vectors: readonly Float32Array[] }
    | { kind: 'newest' }
  limit: number
  inStock: boolean
  /** Item numbers. */
  excluded: readonly number[]
  filter: Filter
}
/** Best first; one list for each vector, else one. */
export type Candidates = { numbers: Uint32Array; scores: Float64Array }

export function findCandidates(
  index: Index,
  { by, limit, inStock, excluded, filter }: CandidatesAsked,
): Candidates[] {
  const docs = new Set(excluded.flatMap((number) => index.docOfNumber(number) ?? []))
  const accept = maskAmong(index, { inStock, excluded: docs, filter })
  return findBy(index, by, limit, accept).map((found) => ({
    numbers: Uint32Array.from(found, ({ doc }) => index.number(doc)),
    scores: Float64Array.from(found, ({ score }) => score),
  }))
}

function findBy(index: Index, by: CandidatesAsked['by'], limit: number, accept: DocMask): Ranked[][] {
  switch (by.kind) {
    case 'words':
      return [searchPlanned(index, by.plan, limit, accept).matches]
    case 'vectors':
      return searchVectors(index, by.vectors, limit, accept)
    case 'newest':
      return [newestDocs(index, limit, accept)]
  }
}
