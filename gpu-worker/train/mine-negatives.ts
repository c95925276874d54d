/** @file Items that share words with a query: the negatives that a model must learn to tell from the answer. */
import { analyse, analyseQuery } from '../../shared/text/analyse.ts'
import type { TrainingItem } from './examples.ts'

const K1 = 1.2
const B = 0.5

/**
 * The items with the best BM25 on their titles, for each query, best first. A plain inverted list: mining runs once, over
 * the items of the training set, without an index of the shop's.
 *
 * @returns places in `items`
 */
export function mineByWords(
  items: readonly Pick<TrainingItem, 'title'>[],
  queries: readonly string[],
  depth: number,
): number[][] {
  const postings = new Map<string, { place: number; tf: number }[]>()
  const lengths = items.map(({ title }, place) => {
    const counts = new Map<string, number>()
    const terms = analyse(title)
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
    for (const [term, tf] of counts) {
      const list = postings.get(term) ?? []
      list.push({ place, tf })
      postings.set(term, list)
    }
    return terms.length
  })
  const average = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length)
  return queries.map((query) => {
    const scores = new Map<number, number>()
    const terms = new Set(analyseQuery(`${query} `).map(({ term }) => term))
    for (const term of terms) {
      const list = postings.get(term) ?? []
      const idf = Math.log(1 + (items.length - list.length + 0.5) / (list.length + 0.5))
      for (const { place, tf } of list) {
        const norm = K1 * (1 - B + (B * lengths[place]!) / average)
        scores.set(place, (scores.get(place) ?? 0) + (idf * tf * (K1 + 1)) / (tf + norm))
      }
    }
    return [...scores]
      .sort(([a, x], [b, y]) => y - x || a - b)
      .slice(0, depth)
      .map(([place]) => place)
  })
}
