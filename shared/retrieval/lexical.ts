/**
 * @file BM25 over the posting lists of an index: which lists a query asks for and what they count. How they are gone through is
 * in `score-words.ts`.
 *
 *   score(d) = coordination(d) · Σ over query words w of  idf(w) · tf · (k₁ + 1) / (tf + k₁ · (1 − b + b · |d| / avg))
 *   idf(w)   = ln(1 + (N − df + ½) / (df + ½))
 *
 * tf is the weighted term frequency of all fields (see `shared/segment/content.ts`). A word in the making matches every term
 * that it starts, a synonym its partners, and a mistyped word what it may have meant, at a discount. `coordination` is the share of query words found,
 * weighted by idf, so that "hp 301 ink" prefers the item with all three. The word that says what is looked for counts more in
 * items that are that (see `shared/text/heads.ts`).
 * Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009.
 */
import { headTerm } from '../segment/content.ts'
import { analyse, type QueryTerm, stem } from '../text/analyse.ts'
import type { DocMask, Index } from './load-index.ts'
import { type ScoredWord, scoreWords, type TermRanges, WORDS_MAX } from './score-words.ts'
import { likeliest, likelihoodOf, splitWord } from './spelling.ts'
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

const DISCOUNTS = { prefix: 0.5, synonym: 0.8, correction: 0.6 }
/** A word in so few items may be a misspelling of one that is in so many times more. */
const RARE_DF_MAX = 4
const CORRECTION_DF_RATIO = 20
/** "round up" for "roundup": two words that this many items have as one. */
const JOINED_DF_MIN = 2
const JOINABLE = /^\p{L}{2,}$/u
/** A query longer than that is cut. */
const WORDS_ASKED_MAX = 30

/**
 * What a query asks of the whole shop: its words with all that each may mean, and what these weigh. Plain data. The shards of
 * an index score by one plan, and so their scores compare.
 */
export type LexicalPlan = {
  words: readonly PlannedWord[]
  /** Of the live documents of the shop, half words. */
  averageLength: number
}
/** `share`, of a correction: how likely it is, beside the likeliest, (0, 1]. */
type WordTerm = QueryTerm & { share?: number }
export type PlannedWord = {
  source: string
  terms: readonly (WordTerm & { idf: number })[]
  /** In the coordination. */
  weight: number
}

export const planLexical = (statistics: Statistics, terms: readonly QueryTerm[]): LexicalPlan =>
  planWords(
    statistics,
    withJoined(statistics, groupByWord(terms)).flatMap((word) => withCorrections(statistics, word)),
  )

/** For words that are in the shop, such as an item's own: none is taken as mistyped. */
export const planAsWritten = (statistics: Statistics, terms: readonly QueryTerm[]): LexicalPlan =>
  planWords(statistics, groupByWord(terms))

const planWords = (statistics: Statistics, words: readonly Word[]): LexicalPlan => ({
  words: words.slice(0, WORDS_MAX).map((word) => weigh(statistics, word)),
  averageLength: statistics.averageLength,
})

/**
 * Live documents that match at least one term, best first, equal scores by item number.
 *
 * @param seen u8[docCount], set to 1 for every match
 */
export const searchLexical = (
  index: Index,
  terms: readonly QueryTerm[],
  limit: number,
  accept?: DocMask,
  seen?: Uint8Array | null,
): LexicalResult => searchPlanned(index, planLexical(statisticsOf(index), terms), limit, accept, seen)

/** The same by a plan that is made, of this index or of a larger one that it is a part of. */
export function searchPlanned(
  index: Index,
  { words, averageLength }: LexicalPlan,
  limit: number,
  accept?: DocMask,
  seen: Uint8Array | null = null,
): LexicalResult {
  const scored = words.map((word) => formsOf(index, word))
  return {
    ...scoreWords(index, scored, averageLength, { limit, accept: accept ?? null, seen }),
    words: words.map(({ source }) => source),
  }
}

/** The words of a query that one document matched, as typed. */
export const matchedWords = ({ words }: Pick<LexicalResult, 'words'>, found: number): string[] =>
  words.filter((_, at) => found & (1 << at))

type Word = { source: string; terms: WordTerm[] }

function groupByWord(terms: readonly QueryTerm[]): Word[] {
  const words = new Map<string, Word>()
  for (const term of terms) {
    const word = words.get(term.source)
    if (word) word.terms.push(term)
    else words.set(term.source, { source: term.source, terms: [term] })
  }
  return [...words.values()].slice(0, WORDS_ASKED_MAX)
}

/** Two neighbours that the shop writes as one word: that stands for both. */
const withJoined = (statistics: Statistics, words: readonly Word[]): Word[] => {
  const joined = words.slice(1).map(({ source }, at) => {
    const before = words[at]!.source
    const term = JOINABLE.test(before) && JOINABLE.test(source) ? stem(before + source) : null
    return term !== null && statistics.df(term) >= JOINED_DF_MIN ? term : null
  })
  return words.map(({ source, terms }, at) => {
    const own = new Set([joined[at - 1], joined[at]])
    return {
      source,
      terms: [
        ...terms,
        ...[...own].flatMap((term): WordTerm[] => (term ? [{ term, form: 'synonym', source }] : [])),
      ],
    }
  })
}

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
  const corrections = likeliest(source, statistics.near(source)).filter(
    ({ df, distance }) => df >= least && (known === 0 || distance === 1),
  )
  const best = corrections[0]?.likelihood ?? 0
  const halves = known > 0 ? null : splitWord(statistics.df, source, (half) => analyse(half)[0] ?? half)
  // A space left out is an edit as well.
  if (halves && likelihoodOf({ df: Math.min(...halves.map(statistics.df)), distance: 1 }) > best)
    return halves.map((term) => ({ source, terms: [{ term, form: 'whole', source }] }))
  const meant = corrections.map(
    ({ term, likelihood }): WordTerm => ({
      ...terms[0],
      ...{ term, form: 'correction', source, share: likelihood / best },
    }),
  )
  return [{ source, terms: [...terms, ...meant] }]
}

function weigh(statistics: Statistics, { source, terms }: Word): PlannedWord {
  const weighed = terms.map((term) => {
    const df = term.form === 'prefix' ? statistics.prefixDf(term.term) : statistics.df(term.term)
    return { ...term, idf: idfOf(statistics, df) }
  })
  const whole = weighed.filter(({ form }) => form === 'whole').map(({ idf }) => idf)
  const isUnknown = terms.every(({ form, term }) => form === 'correction' || statistics.df(term) === 0)
  // A mistyped word counts as what it most likely meant: as one that no item has, it would outweigh all others.
  const meant = isUnknown ? weighed.find(({ form }) => form === 'correction') : undefined
  const weight =
    meant?.idf ?? (whole.length > 0 ? Math.max(...whole) : (weighed[0]?.idf ?? idfOf(statistics, 0)))
  return { source, terms: weighed, weight }
}

const idfOf = ({ docCount }: Statistics, df: number): number =>
  Math.log(1 + (Math.max(0, docCount - df) + 0.5) / (df + 0.5))

/** The lists of a word in this index, and what each form of it counts. */
function formsOf(index: Index, { terms, weight }: PlannedWord): ScoredWord {
  const wholes = terms.filter(({ form }) => form === 'whole').length
  // Those that add up come first: what a word may also mean counts once, if it is better than their sum.
  const ordered = terms.toSorted((a, b) => Number(b.form === 'whole') - Number(a.form === 'whole'))
  return {
    weight,
    forms: ordered.map((term) => ({
      lists: listsOf(index, term),
      isWhole: term.form === 'whole',
      factor:
        term.form === 'whole'
          ? // The parts of a compound share one vote, else "usb-c" would weigh three times as much as "cable".
            term.idf / Math.sqrt(wholes)
          : Math.min(term.idf, weight) * DISCOUNTS[term.form] * Math.sqrt(term.share ?? 1),
    })),
    heads: terms.flatMap(({ term, isHead }) => (isHead ? [rangesOf(index, headTerm(term))] : [])),
  }
}

const listsOf = (index: Index, { term, form }: QueryTerm): TermRanges =>
  form === 'prefix' ? prefixRanges(index, term) : rangesOf(index, term)

const rangesOf = (index: Index, term: string): TermRanges =>
  index.segments.map(({ segment }) => {
    const at = segment.terms.find(term)
    return at < 0 ? [0, 0] : [at, at + 1]
  })

const prefixRanges = (index: Index, prefix: string): TermRanges =>
  index.segments.map(({ segment }) => segment.terms.range(prefix, PREFIX_TERMS_MAX))
