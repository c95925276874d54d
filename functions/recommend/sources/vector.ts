/** @file Items near the shopper's interests, all of them searched in one pass. */
import type { CandidateSource, Found } from './source.ts'

const CANDIDATES = 200

export const vectorSource: CandidateSource = {
  feature: 'vector',
  async find({ items, interests, among }) {
    if (interests.length === 0) return []
    const lists = await items.near(
      interests.map(({ vector }) => vector),
      Math.ceil(CANDIDATES / interests.length),
      among,
    )
    const strongest = interests[0]!.weight
    const best = new Map<number, number>()
    lists.forEach((list, at) => {
      const [high, low] = [list[0]?.score ?? 1, list.at(-1)?.score ?? 0]
      // A small interest shows up beside a large one, below it.
      const share = (1 + interests[at]!.weight / strongest) / 2
      for (const { doc, score } of list) {
        const scaled = share * (high > low ? (score - low) / (high - low) : 1)
        best.set(doc, Math.max(scaled, best.get(doc) ?? 0))
      }
    })
    return Array.from(best, ([doc, score]): Found => ({ doc, score }))
  },
}
