/** @file How well a catalogue is searched by words, by vectors and by both, on queries whose answers people judged. */
import { bootstrapMean, type Interval } from '../../shared/metrics/bootstrap.ts'
import { condensed, type Judgments, ndcg, recall, reciprocalRank } from '../../shared/metrics/ranking.ts'
import { takeBest } from '../../shared/retrieval/fusion.ts'
import { combine, VECTOR_DEPTH, vectorMatches, weightFor } from '../../shared/retrieval/hybrid.ts'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { searchVector } from '../../shared/retrieval/vector.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import type { EncodeTexts } from './offline-index.ts'

export const MODES = ['lexical', 'vector', 'hybrid'] as const
export type Mode = (typeof MODES)[number]
export const METRICS = ['nDCG@10', 'nDCG@10 of judged', 'recall@100', 'MRR@10'] as const
export type Metric = (typeof METRICS)[number]

export type JudgedText = { text: string; judgments: Judgments }
export type SearchQuality = {
  queries: number
  /** Null for a metric that no query has. */
  modes: Partial<Record<Mode, Record<Metric, Interval | null>>>
  /** nDCG@10 of kinds of query, where words and vectors differ most. */
  slices: { name: string; queries: number; lexical: number; hybrid: number }[]
}
export type QualityOptions = {
  /** Relevance from which an item counts as an answer, for recall and MRR. */
  relevantFrom: number
  onProgress?(done: number): void
}

const DEPTH = 100
const LEXICAL_DEPTH = 1_000
const TEXTS_PER_STEP = 256

type Scores = Record<Metric, number | null>

/** @param encode null measures words only */
export async function measureSearch(
  index: Index,
  encode: EncodeTexts | null,
  queries: readonly JudgedText[],
  { relevantFrom, onProgress = () => {} }: QualityOptions,
): Promise<SearchQuality> {
  const modes = encode ? MODES : (['lexical'] as const)
  const scores: Partial<Record<Mode, Scores[]>> = Object.fromEntries(modes.map((mode) => [mode, []]))
  for (let from = 0; from < queries.length; from += TEXTS_PER_STEP) {
    const part = queries.slice(from, from + TEXTS_PER_STEP)
    const vectors = encode ? await encode(part.map(({ text }) => text)) : null
    part.forEach(({ text, judgments }, at) => {
      const rankings = rank(index, text, vectors?.[at] ?? null)
      for (const mode of modes) scores[mode]!.push(scoreOf(rankings[mode], judgments, relevantFrom))
    })
    onProgress(from + part.length)
  }
  return {
    queries: queries.length,
    modes: Object.fromEntries(modes.map((mode) => [mode, summarise(scores[mode]!)])),
    slices: slice(index, queries, scores),
  }
}

/** Item ids, best first, by the code that serves /v1/search. */
export function rank(index: Index, text: string, vector: Float32Array | null): Record<Mode, string[]> {
  const lexical = searchLexical(index, analyseQuery(`${text} `), LEXICAL_DEPTH)
  const ids = (list: readonly { doc: number }[]) => list.slice(0, DEPTH).map(({ doc }) => index.id(doc))
  const weight = weightFor(index.manifest.fusion, text)
  return {
    lexical: ids(lexical.matches),
    vector: vector ? ids(searchVector(index, vector, VECTOR_DEPTH)) : [],
    hybrid: ids(
      vector
        ? takeBest(
            combine(index, lexical.matches, vectorMatches(index, vector, lexical.matches), weight),
            DEPTH,
          )
        : lexical.matches,
    ),
  }
}

function scoreOf(ranking: readonly string[], judgments: Judgments, relevantFrom: number): Scores {
  const relevant = new Set(
    [...judgments].filter(([, relevance]) => relevance >= relevantFrom).map(([id]) => id),
  )
  return {
    'nDCG@10': ndcg(ranking, judgments, 10),
    'nDCG@10 of judged': ndcg(condensed(ranking, judgments), judgments, 10),
    'recall@100': recall(ranking, relevant, DEPTH),
    'MRR@10': relevant.size > 0 ? reciprocalRank(ranking, relevant, 10) : null,
  }
}

const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null)

const summarise = (scores: readonly Scores[]): Record<Metric, Interval | null> =>
  Object.fromEntries(
    METRICS.map((metric) => {
      const values = known(scores.map((one) => one[metric]))
      return [metric, values.length > 0 ? bootstrapMean(values) : null]
    }),
  ) as Record<Metric, Interval | null>

function slice(
  index: Index,
  queries: readonly JudgedText[],
  scores: Partial<Record<Mode, Scores[]>>,
): SearchQuality['slices'] {
  const totals = queries.map(({ text }) => searchLexical(index, analyseQuery(`${text} `), 1).total)
  const median = totals.toSorted((a, b) => a - b)[Math.floor(totals.length / 2)] ?? 0
  const isIndexed = (term: string) => index.segments.some(({ segment }) => segment.terms.find(term) >= 0)
  const kinds: [name: string, isIn: (text: string, at: number) => boolean][] = [
    ['one word', (text) => text.trim().split(/\s+/).length === 1],
    ['long (5 words or more)', (text) => text.trim().split(/\s+/).length >= 5],
    ['with a number', (text) => /\p{N}/u.test(text)],
    [
      'with an unknown word',
      (text) =>
        analyseQuery(`${text} `)
          .filter(({ form }) => form === 'whole')
          .some(({ term }) => !isIndexed(term)),
    ],
    ['head (many matches)', (_text, at) => totals[at]! > median],
    ['tail (few matches)', (_text, at) => totals[at]! <= median],
  ]
  return kinds.flatMap(([name, isIn]) => {
    const of = (mode: Mode) =>
      known((scores[mode] ?? []).map((one, at) => (isIn(queries[at]!.text, at) ? one['nDCG@10'] : null)))
    const lexical = of('lexical')
    const hybrid = of('hybrid')
    if (lexical.length === 0) return []
    const average = (values: readonly number[]) =>
      values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
    return [{ name, queries: lexical.length, lexical: average(lexical), hybrid: average(hybrid) }]
  })
}
