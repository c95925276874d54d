/**
 * @file Items whose words are alike: what can be said of an item that nobody has touched yet.
 *
 *   w(i, j) = cosine of the vectors of i and j,   component of a term t: ln(items / items with t)
 *
 * Terms are the words of the title and the labels (brand, categories), these apart from words. Source: Salton and Buckley 1988.
 */
import { analyse } from '../../shared/text/analyse.ts'
import { buildNeighbours, type Neighbours } from './neighbours.ts'

/** What a catalogue says of an item; empty where it says nothing. */
export type ItemText = { title: string; labels: readonly string[] }

/** A term that more of the items have says little, and makes most of the work. */
const TERM_SHARE_MAX = 0.25

export function textNeighbours(items: readonly ItemText[], limit: number): Neighbours {
  const documents = items.map(({ title, labels }) => [
    ...new Set([...analyse(title), ...labels.map((label) => `label ${label}`)]),
  ])
  const having = new Map<string, number[]>()
  documents.forEach((terms, item) => {
    for (const term of terms) {
      const list = having.get(term)
      if (list) list.push(item)
      else having.set(term, [item])
    }
  })
  const useful = (term: string): boolean => {
    const count = having.get(term)!.length
    return count >= 2 && count <= Math.max(2, TERM_SHARE_MAX * items.length)
  }
  const idf = (term: string): number => Math.log(items.length / having.get(term)!.length)
  const terms = documents.map((all) => all.filter(useful))
  const lengths = terms.map((all) => Math.hypot(...all.map(idf)))
  return buildNeighbours(
    items.length,
    limit,
    (item, row) => {
      for (const term of terms[item]!) {
        const weight = idf(term) ** 2
        if (weight > 0) for (const other of having.get(term)!) if (other !== item) row.add(other, weight)
      }
    },
    (sum, i, j) => sum / (lengths[i]! * lengths[j]!),
  )
}
