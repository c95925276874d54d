/**
 * @file Words of the index that a mistyped word may have meant. Looked up only for words that the index does not have, so a
 * query without a typing error pays nothing.
 */
import { compareBytes } from '../segment/encode.ts'
import { findNear, type SiftedTerms, siftTerms } from '../segment/near-terms.ts'
import { stem } from '../text/analyse.ts'
import { endingsOf, surfacesOf } from '../text/surfaces.ts'
import type { Index } from './load-index.ts'

export type Correction = {
  term: string
  /** Edits between the words or their stems: letters inserted, left out, changed, or two neighbours exchanged. 0 to 2. */
  distance: number
  /** Documents that have the term, superseded ones included. */
  df: number
}
/** How likely a correction is what was meant; see `likelihoodOf`. */
export type RankedCorrection = Correction & { likelihood: number }

/**
 * Noisy channel: a word is meant about as often as the root of its frequency, one edit is made in ten words, and the first letter is
 * seldom wrong. Source: Kernighan, Church and Gale, A Spelling Correction Program Based on a Noisy Channel Model, 1990.
 */
const EDIT_LIKELIHOOD = 0.1
const FIRST_LETTER_LIKELIHOOD = 0.3
/** What is less likely than that beside the likeliest is left out. */
const SHARE_MIN = 0.1
/** Letters, at most one digit among them: an error in "x150w" makes another model, not a misspelling. */
const MISSPELT = /^\p{L}{3,}\p{N}?\p{L}*$/u
const WORD = /^\p{L}+$/u
/** A word must have so many letters for one error to be told from another word, and so many for two. */
export const LENGTH_MIN = { 1: 4, 2: 5 } as const
const CORRECTIONS_MAX = 4
/** Halves of a word that was typed as one: "fuelpellets". */
const HALF_LENGTH_MIN = 3
const HALF_DF_MIN = 3
const LOOK_UPS_CACHED_MAX = 2_000
const decoder = new TextDecoder()

type LexiconPart = { sifted: SiftedTerms; df(at: number): number }
/** Words that a mistyped one may have meant: sorted terms, each with the documents that have it. */
export type Lexicon = {
  parts: readonly LexiconPart[]
  /** The last look-ups. */
  found: Map<string, Correction[]>
}
const lexicons = new WeakMap<Index, Lexicon>()

/**
 * Words of the index that a mistyped one may have meant, in no order: what the parts of a divided index are asked, since the best of
 * all need not be the best of one. Empty for a word that is too short or like none.
 *
 * Cost: two comparisons for each word of the dictionary and each ending of the word; the list is made at the first look-up, and the last
 * look-ups are remembered.
 */
export const wordsNear = (index: Index, word: string): readonly Correction[] =>
  listNear(() => lexiconOf(index), word)

/** The likeliest among the words of any lexicon; it is asked for only when the word could be corrected. */
export const lookUpWord = (lexiconFor: () => Lexicon, word: string): readonly RankedCorrection[] =>
  likeliest(word, listNear(lexiconFor, word))

/** The likeliest first, equally likely ones by name. */
export function likeliest(word: string, near: readonly Correction[]): RankedCorrection[] {
  const ranked = near
    .map((one) => ({
      ...one,
      likelihood: likelihoodOf(one) * (one.term[0] === word[0] ? 1 : FIRST_LETTER_LIKELIHOOD),
    }))
    .sort((a, b) => b.likelihood - a.likelihood || (a.term < b.term ? -1 : 1))
  return ranked
    .slice(0, CORRECTIONS_MAX)
    .filter(({ likelihood }) => likelihood >= SHARE_MIN * ranked[0]!.likelihood)
}

/** Of a word in so many documents, so many edits away; comparable for one mistyped word. */
export const likelihoodOf = ({ df, distance }: Pick<Correction, 'df' | 'distance'>): number =>
  Math.sqrt(df) * EDIT_LIKELIHOOD ** distance

function listNear(lexiconFor: () => Lexicon, word: string): readonly Correction[] {
  if (!MISSPELT.test(word) || word.length < LENGTH_MIN[1]) return []
  const lexicon = lexiconFor()
  const known = lexicon.found.get(word)
  if (known) return known
  if (lexicon.found.size >= LOOK_UPS_CACHED_MAX) lexicon.found.clear()
  const found = lookUp(lexicon, word)
  lexicon.found.set(word, found)
  return found
}

function lexiconOf(index: Index): Lexicon {
  const lexicon = lexicons.get(index) ?? {
    parts: index.segments.map(({ segment: { terms } }) => ({ sifted: siftTerms(terms), df: terms.df })),
    found: new Map(),
  }
  lexicons.set(index, lexicon)
  return lexicon
}

/**
 * Two words that were typed as one, or null: of all places to cut, the one whose rarer half is most frequent.
 *
 * @param df     documents with a term
 * @param termOf the index term of a half ("pellets" → "pellet")
 */
export function splitWord(
  df: (term: string) => number,
  word: string,
  termOf: (half: string) => string,
): [string, string] | null {
  if (!WORD.test(word)) return null
  let best: [string, string] | null = null
  let most = HALF_DF_MIN - 1
  for (let at = HALF_LENGTH_MIN; at <= word.length - HALF_LENGTH_MIN; at++) {
    const halves: [string, string] = [termOf(word.slice(0, at)), termOf(word.slice(at))]
    const rarer = Math.min(...halves.map((half) => (isListed(half) ? df(half) : 0)))
    if (rarer > most) {
      most = rarer
      best = halves
    }
  }
  return best
}

const isListed = (term: string): boolean => term.length + 2 >= LENGTH_MIN[1] && WORD.test(term)

/** @param counts documents by term */
export function createLexicon(counts: ReadonlyMap<string, number>): Lexicon {
  const encoder = new TextEncoder()
  const sorted = [...counts]
    .map(([term, df]) => ({ key: encoder.encode(term), df }))
    .sort((a, b) => compareBytes(a.key, b.key))
  const offsets = new Int32Array(sorted.length + 1)
  sorted.forEach(({ key }, at) => {
    offsets[at + 1] = offsets[at]! + key.length
  })
  const bytes = new Uint8Array(offsets[sorted.length]!)
  for (const [at, { key }] of sorted.entries()) bytes.set(key, offsets[at])
  const dfs = Uint32Array.from(sorted, ({ df }) => df)
  const sifted = siftTerms({ count: sorted.length, bytes, offsets })
  return { parts: [{ sifted, df: (at) => dfs[at]! }], found: new Map() }
}

function lookUp({ parts }: Lexicon, word: string): Correction[] {
  const distanceMax = word.length >= LENGTH_MIN[2] ? 2 : 1
  const found = new Map<string, Correction>()
  for (const { sifted, df } of parts) {
    const distances = distancesIn(sifted, word, distanceMax)
    for (const [at, distance] of distances) {
      const term = termAt(sifted, at)
      const known = found.get(term)
      if (known) known.df += df(at)
      else found.set(term, { term, distance, df: df(at) })
    }
  }
  return [...found.values()]
}

/** Position → edits, of the listed terms within the distance: of the word as typed, with each of its endings, or of its stem. */
function distancesIn(sifted: SiftedTerms, word: string, distanceMax: number): Map<number, number> {
  const distances = new Map<number, number>()
  const add = (at: number, distance: number) => {
    if (distance <= Math.min(distanceMax, distances.get(at) ?? distanceMax)) distances.set(at, distance)
  }
  for (const ending of endingsOf(word))
    findNear(sifted, word.slice(0, word.length - ending.length), distanceMax, (at) => {
      const term = termAt(sifted, at)
      if (!isListed(term)) return
      for (const surface of surfacesOf(term, ending)) add(at, editDistance(word, surface, distanceMax))
    })
  const stemmed = stem(word)
  if (stemmed !== word && stemmed.length >= LENGTH_MIN[1])
    findNear(sifted, stemmed, stemmed.length >= LENGTH_MIN[2] ? 2 : 1, (at, distance) => {
      if (isListed(termAt(sifted, at))) add(at, distance)
    })
  return distances
}

function termAt({ terms: { bytes, offsets } }: SiftedTerms, at: number): string {
  return decoder.decode(bytes.subarray(offsets[at]!, offsets[at + 1]!))
}

/**
 * Edits between two words, an exchange of neighbours counting one; anything above `max` comes out as max + 1.
 * Source: optimal string alignment, Damerau, CACM 7(3), 1964.
 */
export function editDistance(a: string, b: string, max: number): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
      least = Math.min(least, cost)
    }
    if (least > max) return max + 1
    before = last
    last = row
  }
  return Math.min(max + 1, last[b.length]!)
}
