/** @file What came to the shop last, so that new items are seen by somebody before they have any history. */
import type { CandidateSource } from './source.ts'

const CANDIDATES = 30

/** score falls from 1 for the newest in equal steps. */
export const arrivalSource: CandidateSource = {
  feature: 'fresh',
  async find({ items, among }) {
    const newest = await items.newest(CANDIDATES, among)
    return newest.map(({ doc }, index) => ({ doc, score: 1 - index / newest.length }))
  },
}
