/**
 * @file Sequences like this one, and what followed in them: session neighbours, for sessions and for users alike.
 *
 *   sim(h, s) = Σ over items i of h in s  idf_i · (1 + events of h after i)^−recency  / √|s|
 *   score(j)  = Σ over the k most similar s  sim(h, s) · near(place of j in s − place of the match),
 *   near(x)   = x^−decay after the match, backward · |x|^−decay before it;  the match: the latest event of h that s has, at its last place
 *
 * Source: S-KNN and V-SKNN (Ludewig and Jannach, UMUAI 2018); the weight of what is near the match: STAN (Garg et al., SIGIR 2019).
 */
import type { NextItemModel, Sequences } from './next-item.ts'
import { occurrencesOf } from './occurrences.ts'

export type SimilarSequencesSettings = {
  /** Similar sequences that are looked at, at most. */
  neighbours: number
  recency: number
  decay: number
  backward: number
}

/** Latest events of the history, latest occurrences of an item, and events about a match that count, at most. */
const HISTORY_MAX = 50
const OCCURRENCES_MAX = 5_000
const AROUND_MAX = 50

export function similarSequences(data: Sequences, settings: SimilarSequencesSettings): NextItemModel {
  const { itemCount, sequences } = data
  const { starts, sequence, place } = occurrencesOf(data)
  const idf = Float64Array.from({ length: itemCount }, (_, item) =>
    Math.log(1 + sequences.length / Math.max(1, starts[item + 1]! - starts[item]!)),
  )
  const near = Float64Array.from({ length: AROUND_MAX + 1 }, (_, distance) => distance ** -settings.decay)
  // Kept from call to call: as long as all sequences, and mostly zero.
  const similarity = new Float64Array(sequences.length)
  const matched = new Uint32Array(sequences.length)

  const findSimilar = (history: Uint32Array): number[] => {
    const found: number[] = []
    const events = [...new Set(history.slice(-HISTORY_MAX).reverse())]
    events.forEach((item, after) => {
      const weight = idf[item]! * (1 + after) ** -settings.recency
      const end = starts[item + 1]!
      for (let at = Math.max(starts[item]!, end - OCCURRENCES_MAX); at < end; at++) {
        const other = sequence[at]!
        // The occurrences in a sequence come one after another: the last one counts.
        if (at + 1 < end && sequence[at + 1] === other) continue
        if (similarity[other] === 0) {
          found.push(other)
          matched[other] = place[at]!
        }
        similarity[other]! += weight
      }
    })
    for (const other of found) similarity[other]! /= Math.sqrt(sequences[other]!.length)
    return found
  }

  const scoreOne = (history: Uint32Array): Float32Array => {
    const scores = new Float32Array(itemCount)
    const found = findSimilar(history)
    const best = found.sort((a, b) => similarity[b]! - similarity[a]! || a - b).slice(0, settings.neighbours)
    for (const other of best) {
      const items = sequences[other]!
      const match = matched[other]!
      const end = Math.min(items.length - 1, match + AROUND_MAX)
      for (let at = Math.max(0, match - AROUND_MAX); at <= end; at++) {
        if (at === match) continue
        const nearness = at > match ? near[at - match]! : settings.backward * near[match - at]!
        scores[items[at]!]! += similarity[other]! * nearness
      }
    }
    for (const other of found) similarity[other] = 0
    return scores
  }
  return { score: async (histories) => histories.map(scoreOne) }
}
