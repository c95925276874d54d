/**
 * @file A divided index: what one shard answers, and how the answers become the reply that the whole index would have given.
 *
 * Three rounds: `statistics.ts` adds up what the shops' words weigh (mostly known from the query before), each shard scores its own
 * items by one plan, and the few that are shown are asked for their display fields. Scores compare across shards because
 * nothing in them is of a shard: the plan carries idf and average length of the shop, and a cosine is of two vectors.
 */
import type { Manifest } from '../schema/manifest.ts'
import type { FacetName } from '../schema/replies.ts'
import { addTallies, type FacetTally, tallyFacets } from './facets.ts'
import { compileFilter, type Filter } from './filter.ts'
import { type Ranked, takeBest } from './fusion.ts'
import { combine, NOTHING_NEAR, VECTOR_DEPTH, vectorMatches } from './hybrid.ts'
import { type LexicalPlan, matchedWords, searchPlanned } from './lexical.ts'
import type { Index } from './load-index.ts'
import { mergeBest } from './merge-best.ts'
import { type Display, lexicalDepth, NO_MATCHES, type Retrieval } from './source.ts'

export type ShardQuery = {
  /** Null: words have no say. */
  plan: LexicalPlan | null
  /** f32[dim]; null: vectors have no say. */
  vector: Float32Array | null
  filter: Filter
  facets: readonly FacetName[]
  /** Lexical matches wanted. */
  depth: number
}
/** Columns, not rows: an answer crosses a process. Each list best first, equal ones by item number. */
export type ShardAnswer = {
  lexical: {
    numbers: Uint32Array
    scores: Float64Array
    found: Uint32Array
    /** 0 for one without a vector, and for all where vectors have no say. */
    cosines: Float32Array
    total: number
  }
  /** The nearest items. `counted`: 1 for one that is in `facets`. */
  vector: { numbers: Uint32Array; cosines: Float64Array; counted: Uint8Array }
  /** Of all that matched by words, also beyond `depth`. */
  facets: FacetTally
}

export const shardQueryOf = (retrieval: Retrieval, plan: LexicalPlan | null): ShardQuery => ({
  plan,
  vector: retrieval.vector,
  filter: retrieval.filter,
  facets: retrieval.facets,
  depth: lexicalDepth(retrieval),
})

export function answerShard(index: Index, { plan, vector, filter, facets, depth }: ShardQuery): ShardAnswer {
  const accept = filter.length > 0 ? compileFilter(index, filter) : undefined
  const seen = facets.length > 0 ? new Uint8Array(index.docCount) : null
  const { matches, total } = plan ? searchPlanned(index, plan, depth, accept, seen) : NO_MATCHES
  const { nearest, cosines } = vector ? vectorMatches(index, vector, matches, accept) : NOTHING_NEAR
  const numbersOf = (list: readonly { doc: number }[]) =>
    Uint32Array.from(list, ({ doc }) => index.number(doc))
  return {
    lexical: {
      numbers: numbersOf(matches),
      scores: Float64Array.from(matches, ({ score }) => score),
      found: Uint32Array.from(matches, ({ found }) => found),
      cosines: Float32Array.from(matches, (_, at) => cosines[at] ?? 0),
      total,
    },
    vector: {
      numbers: numbersOf(nearest),
      cosines: Float64Array.from(nearest, ({ score }) => score),
      counted: Uint8Array.from(nearest, ({ doc }) => seen?.[doc] ?? 0),
    },
    facets: seen ? tallyFacets(index, seen, facets) : {},
  }
}

/** What the numbers show, in their order; null where this shard has no live item of the number. */
export const showItems = (index: Index, numbers: readonly number[]): (Display | null)[] =>
  numbers.map((number) => {
    const doc = index.docOfNumber(number)
    return doc === undefined ? null : index.display(doc)
  })

export type Gathered = {
  page: GatheredItem[]
  total: number
  facets: FacetTally
  /** Matches that only the vectors found: their shards know what to count for them. Empty where nothing is counted. */
  uncounted: { number: number; shard: number }[]
}
export type GatheredItem = { number: number; score: number; words: readonly string[]; shard: number }

/** One page of what the shards found, as if by one index. `shard` is a position in `answers`. */
export function gatherAnswers(
  manifest: Manifest,
  retrieval: Retrieval,
  plan: LexicalPlan | null,
  answers: readonly ShardAnswer[],
): Gathered {
  const shardOf = new Map<number, number>()
  const matches: { doc: number; score: number; found: number; cosine: number }[] = []
  const nearest: Ranked[] = []
  const counted = new Set<number>()
  const words = answers.map(({ lexical }) => lexical)
  mergeBest(words, lexicalDepth(retrieval), (shard, at) => {
    const { numbers, scores, found, cosines } = words[shard]!
    const doc = numbers[at]!
    shardOf.set(doc, shard)
    counted.add(doc)
    matches.push({ doc, score: scores[at]!, found: found[at]!, cosine: cosines[at]! })
  })
  const near = answers.map(({ vector: { numbers, cosines } }) => ({ numbers, scores: cosines }))
  mergeBest(near, VECTOR_DEPTH, (shard, at) => {
    const { numbers, scores } = near[shard]!
    const doc = numbers[at]!
    shardOf.set(doc, shard)
    if (answers[shard]!.vector.counted[at] === 1) counted.add(doc)
    nearest.push({ doc, score: scores[at]! })
  })
  const cosines = matches.map(({ cosine }) => cosine)
  // Item numbers stand in for documents: nothing in the fusion looks behind them.
  const fused = combine({ manifest }, matches, { nearest, cosines }, retrieval.vectorWeight)
  const typed = { words: (plan?.words ?? []).map(({ source }) => source) }
  const { offset, limit, facets } = retrieval
  const best = takeBest(fused, offset + limit).slice(offset)
  const page = best.map(({ doc, score, found }) => ({
    number: doc,
    score,
    words: matchedWords(typed, found),
    shard: shardOf.get(doc)!,
  }))
  const total = answers.reduce((sum, answer) => sum + answer.lexical.total, 0)
  return {
    page,
    total: Math.max(total, fused.length),
    facets: addTallies(answers.map((answer) => answer.facets)),
    uncounted:
      facets.length === 0
        ? []
        : fused.flatMap(({ doc }) => (counted.has(doc) ? [] : [{ number: doc, shard: shardOf.get(doc)! }])),
  }
}
