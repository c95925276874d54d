/** @file A trained recommender: sources, and the trees that rank what these propose. */
import { predict, type Trees } from '../../shared/relevance/trees.ts'
import type { ListSettings } from './lists.ts'
import { type ItemFacts, makeLists } from './lists.ts'
import type { NextItemModel, Sequences } from './next-item.ts'
import type { OpenSasrec } from './sasrec/files.ts'
import { openSources, type Source, type SourceSettings, type Tables } from './sources.ts'

export type Recommender = {
  /** What shoppers did, as it was learnt from. */
  data: Sequences
  facts: ItemFacts
  tables: Tables
  /** Null where none was trained. */
  transformer: OpenSasrec | null
  sources: readonly SourceSettings[]
  lists: ListSettings
  trees: Trees
}

/** Histories that are scored at a time: each holds f32[itemCount] of every source. */
const BATCH = 32
/** How much what the sources say together counts beside the trees: it decides where those have learnt too little to tell. */
const TIES = 1e-3

/**
 * Candidates in the order of the trees; behind them all others, by what the sources say together and then by how popular they are;
 * last, where shoppers do not come back, what is in the history.
 */
export function recommenderModel(recommender: Recommender): NextItemModel {
  const sources = openSources(
    recommender.sources,
    { tables: recommender.tables, transformer: recommender.transformer?.model ?? null },
    recommender.data,
  )
  const popular = popularity(recommender.facts.counts)
  return {
    async score(histories) {
      const scores: Float32Array[] = []
      for (let from = 0; from < histories.length; from += BATCH)
        scores.push(...(await scoreBatch(recommender, sources, popular, histories.slice(from, from + BATCH))))
      return scores
    },
  }
}

async function scoreBatch(
  { facts, lists: settings, trees }: Recommender,
  sources: readonly Source[],
  popular: Float32Array,
  histories: readonly Uint32Array[],
): Promise<Float32Array[]> {
  const known = histories.filter(({ length }) => length > 0)
  const lists = (await makeLists(sources, facts, known, settings)).values()
  return histories.map((history) => {
    if (history.length === 0) return popular.slice()
    const { candidates, rows, scores } = lists.next().value!
    const all = restOf(scores, popular)
    const ranked = Float32Array.from(rows, (row) => predict(trees, row))
    const lowest = ranked.reduce((low, one) => Math.min(low, one), 0)
    candidates.forEach((item, at) => {
      all[item] = 2 + ranked[at]! - lowest + TIES * all[item]!
    })
    if (settings.skipSeen) for (const item of history) all[item] = -1
    return all
  })
}

/** From 0 to 1: half for the mean of the sources, half for popularity. */
function restOf(scores: readonly Float32Array[], popular: Float32Array): Float32Array {
  return popular.map((one, item) => {
    let sum = 0
    for (const all of scores) sum += all[item]!
    return (sum / scores.length + one) / 2
  })
}

function popularity(counts: Uint32Array): Float32Array {
  const most = counts.reduce((high, count) => Math.max(high, count), 1)
  return Float32Array.from(counts, (count) => count / most)
}
