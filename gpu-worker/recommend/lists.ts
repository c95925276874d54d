/** @file Candidates of all sources for a history, and what a ranker sees of each. */
import { LABEL_FEATURES, type Labels, labelFeatures } from './labels.ts'
import type { Source } from './sources.ts'
import { strongest } from './strongest.ts'

/** What is known of the items beside the sources. */
export type ItemFacts = {
  /** u32[itemCount]: events. */
  counts: Uint32Array
  /** Null where no catalogue was given. */
  labels: Labels | null
}
export type ListSettings = {
  /** Candidates of each source. */
  candidates: number
  /** Items of the history are no candidates: shoppers here do not come back to them. */
  skipSeen: boolean
}
export type List = {
  /** Item numbers, rising. */
  candidates: Uint32Array
  /** f32[candidates][features] */
  rows: Float32Array[]
  /** f32[itemCount] of each source, each divided by its highest: for what is no candidate. */
  scores: Float32Array[]
}

/** Of each source. */
export const SOURCE_FEATURES = ['score', 'score beside the best', '1 / rank'] as const
const OTHER_FEATURES = [
  'popularity',
  'events',
  'popularity of the last item',
  'times in the history',
  '1 / events since',
] as const
/**
 * Counts below it are taken as equal: in data from which rare items were removed before the last events were held out, a count under
 * the limit of that removal would tell which items were held out.
 */
const COUNT_MIN = 10

export const featureNames = (sources: readonly { name: string }[], hasLabels: boolean): string[] => [
  ...sources.flatMap(({ name }) => SOURCE_FEATURES.map((feature) => `${name}: ${feature}`)),
  ...OTHER_FEATURES,
  ...(hasLabels ? LABEL_FEATURES : []),
]

/** @param histories at least one event each */
export async function makeLists(
  sources: readonly Source[],
  facts: ItemFacts,
  histories: readonly Uint32Array[],
  settings: ListSettings,
): Promise<List[]> {
  const scores = await Promise.all(sources.map(({ model }) => model.score(histories)))
  return histories.map((history, at) =>
    makeList(
      scores.map((all) => all[at]!),
      facts,
      history,
      settings,
    ),
  )
}

function makeList(
  scores: Float32Array[],
  { counts, labels }: ItemFacts,
  history: Uint32Array,
  { candidates: limit, skipSeen }: ListSettings,
): List {
  const seen = new Set(history)
  const tops = scores.map((all) => strongest(all, limit, 0, skipSeen ? seen : undefined))
  const candidates = Uint32Array.from(new Set(tops.flatMap((top) => [...top]))).sort()
  const ranks = tops.map((top) => new Map(Array.from(top, (item, index) => [item, index + 1])))
  const bests = tops.map((top, source) => (top.length > 0 ? scores[source]![top[0]!]! : 1))
  const popularity = (item: number) => Math.log(Math.max(COUNT_MIN, counts[item]!))
  const ofLast = popularity(history.at(-1)!)
  const writeLabels = labels && labelFeatures(labels, history)
  const width =
    scores.length * SOURCE_FEATURES.length + OTHER_FEATURES.length + (labels ? LABEL_FEATURES.length : 0)

  const rows = Array.from(candidates, (item) => {
    const row = new Float32Array(width)
    let at = 0
    scores.forEach((all, source) => {
      row[at++] = all[item]!
      row[at++] = all[item]! / bests[source]!
      row[at++] = 1 / (ranks[source]!.get(item) ?? Number.POSITIVE_INFINITY)
    })
    row[at++] = popularity(item)
    row[at++] = history.length
    row[at++] = ofLast
    if (seen.has(item)) {
      row[at] = history.reduce((times, one) => times + (one === item ? 1 : 0), 0)
      row[at + 1] = 1 / (history.length - history.lastIndexOf(item))
    }
    writeLabels?.(item, row, at + 2)
    return row
  })
  scores.forEach((all, source) => {
    for (let item = 0; item < all.length; item++) all[item]! /= bests[source]!
  })
  return { candidates, rows, scores }
}
