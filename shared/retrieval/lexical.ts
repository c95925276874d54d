/**
 * @file BM25 over the posting lists of an index.
 *
 *   score(d) = coordination(d) · Σ over query words w of  idf(w) · tf · (k₁ + 1) / (tf + k₁ · (1 − b + b · |d| / avg))
 *   idf(w)   = ln(1 + (N − df + ½) / (df + ½))
 *
 * tf is the weighted term frequency of all fields (see `shared/segment/content.ts`). A word in the making matches every term
 * that it starts, at a discount, and counts once: the best of its forms. `coordination` is the share of query words found,
 * weighted by idf, so that "hp 301 ink" prefers the item with all three.
 * Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009.
 */
import type { QueryTerm } from '../text/analyse.ts'
import type { Index } from './load-index.ts'

export type LexicalMatch = {
  doc: number
  score: number /** Words of the query that matched, as typed. */
  matched: string[]
}

/** Posting weights are half words and a title counts threefold, so k₁ is larger than for plain counts. */
const K1 = 6
const B = 0.6
const COORDINATION_POWER = 1.5
const PREFIX_DISCOUNT = 0.5
/** Terms that one prefix may open, per segment. */
const PREFIX_TERMS_MAX = 64
/** More words than bits in a mask; a query longer than that is cut. */
const WORDS_MAX = 30

export type Accept = (doc: number) => boolean
/** Live documents that match at least one term, best first, equal scores by item number; `total` counts them all. */
export function searchLexical(
  index: Index,
  terms: readonly QueryTerm[],
  limit: number,
  accept: Accept = () => true,
): { matches: LexicalMatch[]; total: number } {
  const words = groupByWord(terms)
  const scores = new Float32Array(index.docCount)
  const found = new Uint32Array(index.docCount)
  const wordScores = new Float32Array(index.docCount)
  const touched: number[] = []
  const weights = words.map((word, at) =>
    scoreWord(index, word.terms, at, { scores, found, wordScores, touched }),
  )
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0)

  const candidates = touched.filter((doc) => index.live[doc] === 1 && accept(doc))
  for (const doc of candidates) {
    let share = 0
    for (let at = 0; at < words.length; at++) if (found[doc]! & (1 << at)) share += weights[at]!
    scores[doc]! *= (share / weightSum) ** COORDINATION_POWER
  }
  const best = takeBest(candidates, scores, index, limit)
  return {
    total: candidates.length,
    matches: best.map((doc) => ({
      doc,
      score: scores[doc]!,
      matched: words.filter((_, at) => found[doc]! & (1 << at)).map(({ source }) => source),
    })),
  }
}

type Word = { source: string; terms: QueryTerm[] }
type Accumulators = { scores: Float32Array; found: Uint32Array; wordScores: Float32Array; touched: number[] }

function groupByWord(terms: readonly QueryTerm[]): Word[] {
  const words = new Map<string, Word>()
  for (const term of terms) {
    const word = words.get(term.source)
    if (word) word.terms.push(term)
    else words.set(term.source, { source: term.source, terms: [term] })
  }
  return [...words.values()].slice(0, WORDS_MAX)
}

/** Adds one word to the scores; returns its idf, the weight of the word in the coordination. */
function scoreWord(
  index: Index,
  terms: QueryTerm[],
  at: number,
  { scores, found, wordScores, touched }: Accumulators,
): number {
  const own: number[] = []
  const whole = terms.filter((term) => !term.prefix)
  let weight = 0
  const accumulate = (doc: number, score: number, combine: 'add' | 'max') => {
    if (wordScores[doc] === 0) own.push(doc)
    wordScores[doc] = combine === 'add' ? wordScores[doc]! + score : Math.max(wordScores[doc]!, score)
  }
  for (const { term } of whole) {
    const lists = listsOf(index, term)
    const idf = idfOf(index, lists)
    weight = Math.max(weight, idf)
    // The parts of a compound share one vote, else "usb-c" would weigh three times as much as "cable".
    scoreLists(index, lists, idf / Math.sqrt(whole.length), (doc, score) => accumulate(doc, score, 'add'))
  }
  for (const { term } of terms.filter((candidate) => candidate.prefix)) {
    const lists = prefixLists(index, term)
    const idf = idfOf(index, lists)
    if (weight === 0) weight = idf
    scoreLists(index, lists, Math.min(idf, weight) * PREFIX_DISCOUNT, (doc, score) =>
      accumulate(doc, score, 'max'),
    )
  }
  for (const doc of own) {
    if (found[doc] === 0) touched.push(doc)
    scores[doc]! += wordScores[doc]!
    found[doc]! |= 1 << at
    wordScores[doc] = 0
  }
  return weight || idfOf(index, [])
}

type List = { base: number; length: Uint32Array; rows: Uint32Array; weights: Uint8Array }

function listsOf(index: Index, term: string): List[] {
  return index.segments.flatMap(({ segment, base }) => {
    const at = segment.terms.find(term)
    return at < 0 ? [] : [{ base, length: segment.length, ...segment.terms.postings(at) }]
  })
}

function prefixLists(index: Index, prefix: string): List[] {
  return index.segments.flatMap(({ segment, base }) => {
    const [from, to] = segment.terms.range(prefix, PREFIX_TERMS_MAX)
    return Array.from({ length: to - from }, (_, i) => ({
      base,
      length: segment.length,
      ...segment.terms.postings(from + i),
    }))
  })
}

function idfOf(index: Index, lists: readonly List[]): number {
  const df = lists.reduce((sum, list) => sum + list.rows.length, 0)
  return Math.log(1 + (Math.max(0, index.docCount - df) + 0.5) / (df + 0.5))
}

function scoreLists(
  index: Index,
  lists: readonly List[],
  factor: number,
  add: (doc: number, score: number) => void,
): void {
  const perLength = (K1 * B) / index.averageLength
  for (const { base, length, rows, weights } of lists)
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!
      const tf = weights[i]!
      add(base + row, (factor * tf * (K1 + 1)) / (tf + K1 * (1 - B) + perLength * length[row]!))
    }
}

/** The `limit` best documents in order, by a partial sort: threshold from a bounded heap would not pay below 20k candidates. */
function takeBest(candidates: number[], scores: Float32Array, index: Index, limit: number): number[] {
  const compare = (a: number, b: number) => scores[b]! - scores[a]! || index.number(a) - index.number(b)
  if (candidates.length <= 4 * limit) return candidates.sort(compare).slice(0, limit)
  // Cut at the limit-th best score first: sorting floats in a typed array is far cheaper than sorting by a comparator.
  const values = Float32Array.from(candidates, (doc) => scores[doc]!).sort()
  const threshold = values[values.length - limit]!
  return candidates
    .filter((doc) => scores[doc]! >= threshold)
    .sort(compare)
    .slice(0, limit)
}
