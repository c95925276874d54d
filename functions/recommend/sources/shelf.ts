/** @file More of the category and the brand that the shopper turns to most: those nearest to the strongest interest, else the newest. */
import type { Condition } from '../../../shared/retrieval/filter.ts'
import type { CandidateSource } from './source.ts'

const CANDIDATES = 30

/** Nominates only: how much the category and the brand say is the same for items of every source. */
export const shelfSource: CandidateSource = {
  feature: null,
  async find({ items, interests, affinities, among }) {
    const [category] = affinities.categories.keys()
    const [brand] = affinities.brands.keys()
    const shelves: Condition[] = []
    if (category !== undefined)
      shelves.push({ kind: 'facet', name: 'category', value: category, negated: false })
    if (brand !== undefined) shelves.push({ kind: 'facet', name: 'brand', value: brand, negated: false })
    const docs = new Set<number>()
    for (const shelf of shelves) {
      const on = { ...among, filter: [...(among.filter ?? []), shelf] }
      const near = interests.length > 0 ? (await items.near([interests[0]!.vector], CANDIDATES, on))[0]! : []
      const found = near.length > 0 ? near : await items.newest(CANDIDATES, on)
      for (const { doc } of found) docs.add(doc)
    }
    return Array.from(docs, (doc) => ({ doc, score: 1 }))
  },
}
