/**
 * @file What is on sale: items with the attribute `onSale` of the value true. The newest of them; tastes decide
 * which come up.
 */
import type { Condition } from '../../../shared/retrieval/filter.ts'
import type { CandidateSource } from './source.ts'

const CANDIDATES = 30
const ON_SALE: Condition = { kind: 'facet', name: 'onSale', value: 'true', negated: false }

export const saleSource: CandidateSource = {
  feature: 'sale',
  async find({ items, among }) {
    const filter = [...(among.filter ?? []), ON_SALE]
    const found = await items.newest(CANDIDATES, { ...among, filter })
    return found.map(({ doc }) => ({ doc, score: 1 }))
  },
}
