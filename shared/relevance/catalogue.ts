/**
 * @file What the titles of a catalogue say of words and of queries: how rare a word is and where in a title it stands, and
 * which titles a query would find. A title that is judged need not be among them.
 */
import { createLexicon, type Lexicon, lookUpWord } from '../retrieval/spelling.ts'
import { type LatentSpace, learnLatentSpace } from './latent.ts'
import { readWords, type Text, type Word } from './words.ts'

export type Catalogue = {
  titles: number
  /** Words of a title, on average. */
  averageLength: number
  numbers: ReadonlyMap<string, number>
  /** By term number: titles that have it, that start with it, whose named thing it is. */
  counts: { titles: Uint32Array; first: Uint32Array; head: Uint32Array }
  postings: readonly Uint32Array[]
  /** By title: its distinct terms, how many words it has, the term that names the thing (or −1). */
  terms: readonly Uint32Array[]
  lengths: Uint16Array
  heads: Int32Array
  lexicon: Lexicon
  latent: LatentSpace
  /** Titles that have each run of three letters. */
  trigrams: ReadonlyMap<string, number>
}

/** What a query finds in a catalogue. */
export type Findings = {
  /** Σ idf of its words. */
  weight: number
  /** Score of the best title, and of the hundredth. */
  best: number
  hundredth: number
  /** Titles with at least one word, and with all. */
  some: number
  all: number
  /** Share of the weight that the best-covered title has. */
  coverageMax: number
  /** Titles that score higher than a score, roughly. */
  rankOf(score: number): number
  /** Unit vectors of the mean of the best 10 and 50 titles, by term number. */
  near: ReadonlyMap<number, number>
  wide: ReadonlyMap<number, number>
  /** How many of the best 50 name the same thing, by term number; and how many there are. */
  heads: ReadonlyMap<number, number>
  headCount: number
}

const K1 = 1.2
const B = 0.5
/** A title with half of the words is worth much less than half. */
const COVERAGE_POWER = 1.5
const NEAR = 10
const WIDE = 50
const DEPTH = 100
const BUCKETS = 1_024

export function createCatalogue(titles: readonly string[]): Catalogue {
  const numbers = new Map<string, number>()
  const numberOf = (term: string): number => {
    const number = numbers.get(term) ?? numbers.size
    numbers.set(term, number)
    return number
  }
  const texts = titles.map(readWords)
  const terms = texts.map(({ words }) => Uint32Array.from(new Set(words.map(({ term }) => numberOf(term)))))
  const counts = {
    titles: new Uint32Array(numbers.size),
    first: new Uint32Array(numbers.size),
    head: new Uint32Array(numbers.size),
  }
  const heads = new Int32Array(titles.length).fill(-1)
  texts.forEach((text, title) => {
    for (const term of terms[title]!) counts.titles[term]!++
    const [first, head] = [text.words[0], headOf(text)]
    if (first) counts.first[numbers.get(first.term)!]!++
    if (head) {
      heads[title] = numbers.get(head.term)!
      counts.head[heads[title]!]!++
    }
  })
  const postings = Array.from(counts.titles, (count) => new Uint32Array(count))
  const filled = new Uint32Array(numbers.size)
  terms.forEach((own, title) => {
    for (const term of own) postings[term]![filled[term]!++] = title
  })
  const lengths = Uint16Array.from(texts, ({ words }) => words.length)
  return {
    titles: titles.length,
    averageLength: Math.max(1, lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, titles.length)),
    ...{ numbers, counts, postings, terms, lengths, heads },
    latent: learnLatentSpace(
      terms,
      Float64Array.from(counts.titles, (df) => inverse(titles.length, df)),
    ),
    trigrams: countAll(texts.map(trigramsOf)),
    lexicon: createLexicon(new Map([...numbers].map(([term, number]) => [term, counts.titles[number]!]))),
  }
}

/** The last word of the part that names the thing. */
export const headOf = ({ words, headEnd }: Text): Word | undefined => words[Math.max(0, headEnd - 1)]

/** ln(1 + (N − df + ½) / (df + ½)) */
const inverse = (titles: number, df: number): number => Math.log(1 + (titles - df + 0.5) / (df + 0.5))

export function idfOf({ titles, numbers, counts }: Catalogue, term: string): number {
  const number = numbers.get(term)
  return inverse(titles, number === undefined ? 0 : counts.titles[number]!)
}

/** Runs of three letters within the words, ends included. */
export function trigramsOf({ words }: Text): Set<string> {
  const trigrams = new Set<string>()
  for (const { source } of words) {
    const padded = ` ${source} `
    for (let at = 0; at + 3 <= padded.length; at++) trigrams.add(padded.slice(at, at + 3))
  }
  return trigrams
}

function countAll(sets: readonly ReadonlySet<string>[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const set of sets) for (const one of set) counts.set(one, (counts.get(one) ?? 0) + 1)
  return counts
}

/** Cosine of two sets of trigrams, the rare ones weighing more. */
export function trigramCosine(
  { trigrams, titles }: Catalogue,
  a: ReadonlySet<string>,
  b: ReadonlySet<string>,
): number {
  const weight = (trigram: string) => Math.log(1 + titles / ((trigrams.get(trigram) ?? 0) + 1)) ** 2
  const whole = (set: ReadonlySet<string>) => [...set].reduce((sum, one) => sum + weight(one), 0)
  let shared = 0
  for (const trigram of a) if (b.has(trigram)) shared += weight(trigram)
  return shared === 0 ? 0 : shared / Math.sqrt(whole(a) * whole(b))
}

/** A word that no title has stands for what it may have meant. */
export function readQuery(catalogue: Catalogue, text: string): Text {
  const read = readWords(text)
  return { ...read, words: read.words.map((word) => ({ ...word, term: correct(catalogue, word) })) }
}

function correct({ numbers, lexicon }: Catalogue, { term, source }: Word): string {
  if (numbers.has(term)) return term
  return lookUpWord(() => lexicon, source)[0]?.term ?? term
}

/** Part of a score that depends on the title's length. */
const lengthFactor = ({ averageLength }: Catalogue, length: number): number =>
  (K1 + 1) / (1 + K1 * (1 - B + (B * length) / averageLength))

/** What a title of so many words scores that has words of this weight, out of `whole`. */
export const scoreOf = (catalogue: Catalogue, weight: number, whole: number, length: number): number =>
  whole === 0 ? 0 : weight * lengthFactor(catalogue, length) * (weight / whole) ** COVERAGE_POWER

/** Cost: a pass over the postings of the query's words. */
export function find(catalogue: Catalogue, query: Text): Findings {
  const { postings, lengths, terms, heads } = catalogue
  const weights = sumsOf(catalogue)
  const touched: number[] = []
  let whole = 0
  for (const term of new Set(query.words.map((word) => word.term))) {
    const idf = idfOf(catalogue, term)
    whole += idf
    const number = catalogue.numbers.get(term)
    if (number === undefined) continue
    for (const title of postings[number]!) {
      if (weights[title] === 0) touched.push(title)
      weights[title]! += idf
    }
  }
  // Scores in buckets up to the best that there can be: a rank without a sort of all.
  const ceiling = whole * lengthFactor(catalogue, 0) || 1
  const bucketOf = (score: number) => Math.min(BUCKETS - 1, Math.floor((score / ceiling) * BUCKETS))
  const buckets = new Uint32Array(BUCKETS + 1)
  let all = 0
  let most = 0
  const score = (title: number) => scoreOf(catalogue, weights[title]!, whole, lengths[title]!)
  for (const title of touched) {
    buckets[bucketOf(score(title))]!++
    if (weights[title]! > whole * 0.999) all++
    most = Math.max(most, weights[title]!)
  }
  for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) buckets[bucket]! += buckets[bucket + 1]!
  let cut = BUCKETS - 1
  while (cut > 0 && buckets[cut]! < DEPTH) cut--
  const scored = touched
    .flatMap((title) => {
      const own = score(title)
      return bucketOf(own) >= cut ? [{ title, own }] : []
    })
    .sort((a, b) => b.own - a.own || a.title - b.title)
    .slice(0, DEPTH)
  for (const title of touched) weights[title] = 0
  const best = scored.slice(0, WIDE).map(({ title }) => title)
  const named = new Map<number, number>()
  for (const title of best) named.set(heads[title]!, (named.get(heads[title]!) ?? 0) + 1)
  return {
    weight: whole,
    best: scored[0]?.own ?? 0,
    hundredth: scored.at(-1)?.own ?? 0,
    some: touched.length,
    all,
    coverageMax: whole === 0 ? 0 : most / whole,
    rankOf: (given) => buckets[bucketOf(given) + 1]!,
    near: centroid(
      catalogue,
      best.slice(0, NEAR).map((title) => terms[title]!),
    ),
    wide: centroid(
      catalogue,
      best.map((title) => terms[title]!),
    ),
    heads: named,
    headCount: best.length,
  }
}

const zeros = new WeakMap<Catalogue, Float32Array>()
/** Zero for every title between two calls of `find`. */
function sumsOf(catalogue: Catalogue): Float32Array {
  const sums = zeros.get(catalogue) ?? new Float32Array(catalogue.titles)
  zeros.set(catalogue, sums)
  return sums
}

function centroid(catalogue: Catalogue, titles: readonly Uint32Array[]): Map<number, number> {
  const sums = new Map<number, number>()
  for (const terms of titles) {
    const idfs = Float64Array.from(terms, (term) => idfOfNumber(catalogue, term))
    const length = Math.hypot(...idfs) || 1
    terms.forEach((term, at) => {
      sums.set(term, (sums.get(term) ?? 0) + idfs[at]! / length)
    })
  }
  const length = Math.hypot(...sums.values()) || 1
  return new Map([...sums].map(([term, sum]) => [term, sum / length]))
}

const idfOfNumber = ({ titles, counts }: Catalogue, number: number): number =>
  inverse(titles, counts.titles[number]!)

/** Cosine of a title's words, weighted by idf, to a unit vector. */
export function cosineTo(catalogue: Catalogue, { words }: Text, vector: ReadonlyMap<number, number>): number {
  let dot = 0
  let squares = 0
  for (const term of new Set(words.map((word) => word.term))) {
    const idf = idfOf(catalogue, term)
    squares += idf * idf
    const number = catalogue.numbers.get(term)
    if (number !== undefined) dot += idf * (vector.get(number) ?? 0)
  }
  return squares === 0 ? 0 : dot / Math.sqrt(squares)
}
