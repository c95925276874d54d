/** @file More of the category and the brand that the shopper turns to most: of the category what is nearest to the strongest interest, of the brand the newest. */
import type { Condition } from '../../../shared/retrieval/filter.ts'
import type { Among } from '../../../shared/retrieval/item-source.ts'
import type { CandidateSource } from './source.ts'

const CANDIDATES = 30

/** Nominates only: how much the category and the brand say is the same for items of every source. */
export const shelfSource: CandidateSource = {
  feature: null,
  async find({ items, interests, affinities, among }) {
    const [category] = affinities.categories.keys()
    const [brand] = affinities.brands.keys()
    const on = (name: string, value: string): Among => {
      const shelf: Condition = { kind: 'facet', name, value, negated: false }
      return { ...among, filter: [...(among.filter ?? []), shelf] }
    }
    const found: { doc: number }[] = []
    if (category !== undefined && interests.length > 0)
      found.push(...(await items.near([interests[0]!.vector], CANDIDATES, on('category', category)))[0]!)
    if (category !== undefined && found.length === 0)
      found.push(...(await items.newest(CANDIDATES, on('category', category))))
    if (brand !== undefined) found.push(...(await items.newest(CANDIDATES, on('brand', brand))))
    const docs = new Set(found.map(({ doc }) => doc))
    return Array.from(docs, (doc) => ({ doc, score: 1 }))
  },
}
