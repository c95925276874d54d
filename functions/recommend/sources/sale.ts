/** @file What is on sale: items with the attribute `onSale` of the value true. Those nearest to the shopper's interest, else the newest. */
import type { Condition } from '../../../shared/retrieval/filter.ts'
import type { CandidateSource } from './source.ts'

const CANDIDATES = 30
const ON_SALE: Condition = { kind: 'facet', name: 'onSale', value: 'true', negated: false }

export const saleSource: CandidateSource = {
  feature: 'sale',
  async find({ items, interests, among }) {
    const on = { ...among, filter: [...(among.filter ?? []), ON_SALE] }
    const near = interests.length > 0 ? (await items.near([interests[0]!.vector], CANDIDATES, on))[0]! : []
    const found = near.length > 0 ? near : await items.newest(CANDIDATES, on)
    return found.map(({ doc }) => ({ doc, score: 1 }))
  },
}
