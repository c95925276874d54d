/** @file Items that are bought together with what the shopper turned to. */
import type { CandidateSource, Found } from './source.ts'

const SEEDS_MAX = 10

/** score = partner's score / its best partner's · seed's weight / the strongest seed's, by the seed that says most. */
export const neighbourSource: CandidateSource = {
  feature: 'together',
  numbers: ({ items, signals, seeds }) =>
    seeds
      .slice(0, SEEDS_MAX)
      .flatMap(({ doc }) => (signals.together.get(items.number(doc)) ?? []).map(([number]) => number)),
  find({ items, signals, seeds, accept }) {
    const best = new Map<number, Found>()
    const strongest = seeds[0]?.weight ?? 1
    for (const seed of seeds.slice(0, SEEDS_MAX)) {
      const partners = signals.together.get(items.number(seed.doc)) ?? []
      const high = partners[0]?.[1] ?? 1
      for (const [number, own] of partners) {
        const doc = items.docOfNumber(number)
        if (doc === undefined || !accept(doc)) continue
        const score = (own / high) * (seed.weight / strongest)
        if (score > (best.get(doc)?.score ?? 0)) best.set(doc, { doc, score, because: seed })
      }
    }
    return [...best.values()]
  },
}
