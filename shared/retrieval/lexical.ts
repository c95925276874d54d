/**
 * @file BM25 over the posting lists of an index.
 *
 *   score(d) = coordination(d) · Σ over query words w of  idf(w) · tf · (k₁ + 1) / (tf + k₁ · (1 − b + b · |d| / avg))
 *   idf(w)   = ln(1 + (N − df + ½) / (df + ½))
 *
 * tf is the weighted term frequency of all fields (see `shared/segment/content.ts`). A word in the making matches every term
 * that it starts, and a synonym its partners, at a discount. `coordination` is the share of query words found,
 * weighted by idf, so that "hp 301 ink" prefers the item with all three. The word that says what is looked for counts more in
 * items that are that (see `shared/text/heads.ts`).
 * Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009.
 */
import { headTerm } from '../segment/content.ts'
import { analyse, type QueryTerm } from '../text/analyse.ts'
import type { Index } from './load-index.ts'
import { bestCorrections, splitWord } from './spelling.ts'
import { PREFIX_TERMS_MAX, type Statistics, statisticsOf } from './statistics.ts'

/** `found` has bit n set when the n-th word of the query matched. */
export type LexicalMatch = { doc: number; score: number; found: number }
export type LexicalResult = {
  matches: LexicalMatch[]
  /** All that matched, also beyond `limit`. */
  total: number
  /** Words of the query, as typed; the positions that `found` speaks of. */
  words: readonly string[]
}

/** Posting weights are half words and a title counts threefold, so k₁ is larger than for plain counts. */
const K1 = 6
/** Low, because in a shop a long title is a well-described item more often than a vague one. */
const B = 0.3
const COORDINATION_POWER = 1.5
const DISCOUNTS = { prefix: 0.5, synonym: 0.8, correction: 0.6 }
/** For "keyboard" the keyboards come before the covers for them: the word counts more where it says what the item is. */
const HEAD_FACTOR = 1.4
/** A word in so few items may be a misspelling of one that is in so many times more. */
const RARE_DF_MAX = 4
const CORRECTION_DF_RATIO = 20
/** More words than bits in a mask; a query longer than that is cut. */
const WORDS_MAX = 30

export type Accept = (doc: number) => boolean

/**
 * What a query asks of the whole shop: its words with all that each may mean, and what these weigh. Plain data. The shards of
 * an index score by one plan, and so their scores compare.
 */
export type LexicalPlan = {
  words: readonly PlannedWord[]
  /** Of the live documents of the shop, half words. */
  averageLength: number
}
export type PlannedWord = {
  source: string
  terms: readonly (QueryTerm & { idf: number })[]
  /** In the coordination. */
  weight: number
}

export function planLexical(statistics: Statistics, terms: readonly QueryTerm[]): LexicalPlan {
  const words = groupByWord(terms).flatMap((word) => withCorrections(statistics, word))
  return {
    words: words.map((word) => weigh(statistics, word)),
    averageLength: statistics.averageLength,
  }
}

/** Live documents that match at least one term, best first, equal scores by item number. */
export const searchLexical = (
  index: Index,
  terms: readonly QueryTerm[],
  limit: number,
  accept?: Accept,
): LexicalResult => searchPlanned(index, planLexical(statisticsOf(index), terms), limit, accept)

/** The same by a plan that is made, of this index or of a larger one that it is a part of. */
export function searchPlanned(
  index: Index,
  { words, averageLength }: LexicalPlan,
  limit: number,
  accept: Accept = () => true,
): LexicalResult {
  const sums = openSums(index.docCount)
  for (let at = 0; at < words.length; at++) scoreWord(index, words[at]!, at, averageLength, sums)
  const weights = words.map(({ weight }) => weight)
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0)

  const candidates: number[] = []
  for (let i = 0; i < sums.touchedCount; i++) {
    const doc = sums.touched[i]!
    if (index.live[doc] === 0 || !accept(doc)) continue
    candidates.push(doc)
    let share = 0
    for (let at = 0; at < weights.length; at++) if (sums.found[doc]! & (1 << at)) share += weights[at]!
    sums.scores[doc]! *= (share / weightSum) ** COORDINATION_POWER
  }
  const matches = takeBest(candidates, sums.scores, index, limit).map((doc) => ({
    doc,
    score: sums.scores[doc]!,
    found: sums.found[doc]!,
  }))
  clearSums(sums)
  return { matches, total: candidates.length, words: words.map(({ source }) => source) }
}

/** The words of a query that one document matched, as typed. */
export const matchedWords = ({ words }: Pick<LexicalResult, 'words'>, found: number): string[] =>
  words.filter((_, at) => found & (1 << at))

type Word = { source: string; terms: QueryTerm[] }

function groupByWord(terms: readonly QueryTerm[]): Word[] {
  const words = new Map<string, Word>()
  for (const term of terms) {
    const word = words.get(term.source)
    if (word) word.terms.push(term)
    else words.set(term.source, { source: term.source, terms: [term] })
  }
  return [...words.values()].slice(0, WORDS_MAX)
}

/** Sums by document while a query is scored. Zero wherever a document is not in `touched`. */
type Sums = {
  scores: Float32Array
  found: Uint32Array
  wordScores: Float32Array
  touched: Int32Array
  touchedCount: number
}
let kept: Sums | null = null

/**
 * A word that the index does not have may be mistyped, or two words typed as one: what it may have meant stands in for it.
 * So does a far more frequent word beside one that hardly any item has: shops misspell as well.
 */
function withCorrections(statistics: Statistics, word: Word): Word[] {
  const { terms, source } = word
  const whole = terms.filter(({ form }) => form === 'whole')
  const known = Math.max(0, ...whole.map(({ term }) => statistics.df(term)))
  const isBegun = terms.some(({ term, form }) => form === 'prefix' && statistics.prefixDf(term) > 0)
  if (isBegun || known > RARE_DF_MAX) return [word]
  const least = known === 0 ? 1 : known * CORRECTION_DF_RATIO
  // As typed and as a stem: of "stainles" the one is an edit from "stainless", the other from "stain".
  const corrections = [...new Set([source, ...whole.map(({ term }) => term)])]
    .flatMap((term) => bestCorrections(statistics.near(term)))
    .filter((one) => one.df >= least && (known === 0 || one.distance === 1))
    .map(({ term }): QueryTerm => ({ ...terms[0], term, form: 'correction', source }))
  if (known > 0 || corrections.length > 0) return [{ ...word, terms: [...terms, ...corrections] }]
  const halves = splitWord(statistics.df, source, (half) => analyse(half)[0] ?? half)
  if (!halves) return [word]
  return halves.map((term) => ({ source, terms: [{ term, form: 'whole', source }] }))
}

function weigh(statistics: Statistics, { source, terms }: Word): PlannedWord {
  const weighed = terms.map((term) => {
    const df = term.form === 'prefix' ? statistics.prefixDf(term.term) : statistics.df(term.term)
    return { ...term, idf: idfOf(statistics, df) }
  })
  const whole = weighed.filter(({ form }) => form === 'whole').map(({ idf }) => idf)
  const weight = whole.length > 0 ? Math.max(...whole) : (weighed[0]?.idf ?? idfOf(statistics, 0))
  return { source, terms: weighed, weight }
}

const idfOf = ({ docCount }: Statistics, df: number): number =>
  Math.log(1 + (Math.max(0, docCount - df) + 0.5) / (df + 0.5))

/**
 * The sums of the query before, cleared: a search is synchronous, and three fresh arrays of the size of the index would be
 * most of the garbage of a request.
 */
function openSums(docCount: number): Sums {
  if (!kept || kept.scores.length < docCount)
    kept = {
      scores: new Float32Array(docCount),
      found: new Uint32Array(docCount),
      wordScores: new Float32Array(docCount),
      touched: new Int32Array(docCount),
      touchedCount: 0,
    }
  return kept
}

function clearSums(sums: Sums): void {
  for (let i = 0; i < sums.touchedCount; i++) {
    const doc = sums.touched[i]!
    sums.scores[doc] = 0
    sums.found[doc] = 0
  }
  sums.touchedCount = 0
}

/** Adds one word to the sums. */
function scoreWord(
  index: Index,
  { terms, weight }: PlannedWord,
  at: number,
  averageLength: number,
  sums: Sums,
): void {
  const { scores, found, wordScores, touched } = sums
  const own: number[] = []
  const whole = terms.filter(({ form }) => form === 'whole')
  for (const { term, idf } of whole) {
    // The parts of a compound share one vote, else "usb-c" would weigh three times as much as "cable".
    scoreLists(listsOf(index, term), idf / Math.sqrt(whole.length), averageLength, (doc, score) => {
      if (wordScores[doc] === 0) own.push(doc)
      wordScores[doc]! += score
    })
  }
  // What a word may also mean counts at a discount, and once: the best of its forms.
  for (const { term, form, idf } of terms) {
    if (form === 'whole') continue
    const lists = form === 'prefix' ? prefixLists(index, term) : listsOf(index, term)
    scoreLists(lists, Math.min(idf, weight) * DISCOUNTS[form], averageLength, (doc, score) => {
      if (wordScores[doc] === 0) own.push(doc)
      if (score > wordScores[doc]!) wordScores[doc] = score
    })
  }
  for (const doc of namedBy(index, terms)) wordScores[doc]! *= HEAD_FACTOR
  for (const doc of own) {
    if (found[doc] === 0) touched[sums.touchedCount++] = doc
    scores[doc]! += wordScores[doc]!
    found[doc]! |= 1 << at
    wordScores[doc] = 0
  }
}

/** Documents whose title says that they are what the query looks for; each once, if they matched the word or not. */
function namedBy(index: Index, terms: readonly QueryTerm[]): Iterable<number> {
  const docs = new Set<number>()
  for (const { term, isHead } of terms)
    if (isHead)
      for (const { base, rows } of listsOf(index, headTerm(term)))
        for (const row of rows) docs.add(base + row)
  return docs
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

function scoreLists(
  lists: readonly List[],
  factor: number,
  averageLength: number,
  add: (doc: number, score: number) => void,
): void {
  const perLength = (K1 * B) / averageLength
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
  const values = new Float32Array(candidates.length)
  for (let i = 0; i < values.length; i++) values[i] = scores[candidates[i]!]!
  const threshold = values.sort()[values.length - limit]!
  return candidates
    .filter((doc) => scores[doc]! >= threshold)
    .sort(compare)
    .slice(0, limit)
}
