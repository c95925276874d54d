/**
 * @file Words of the index that a mistyped word may have meant. Looked up only for words that the index does not have, so a
 * query without a typing error pays nothing.
 */
import type { Index } from './load-index.ts'

export type Correction = {
  term: string
  /** Edits: letters inserted, left out, changed, or two neighbours exchanged. 1 or 2. */
  distance: number
  /** Documents that have the term, superseded ones included. */
  df: number
}

/** Letters, at most one digit among them: an error in "x150w" makes another model, not a misspelling. */
const MISSPELT = /^\p{L}{3,}\p{N}?\p{L}*$/u
const WORD = /^\p{L}+$/u
/** A word must have so many letters for one error to be told from another word, and so many for two. */
const LENGTH_MIN = { 1: 4, 2: 7 } as const
const CORRECTIONS_MAX = 4
/** Halves of a word that was typed as one: "fuelpellets". */
const HALF_LENGTH_MIN = 3
const HALF_DF_MIN = 3
const LOOK_UPS_CACHED_MAX = 2_000

/** Words that a mistyped one may have meant. */
export type Lexicon = {
  byLength: Map<number, { term: string; letters: number; df: number }[]>
  found: Map<string, Correction[]>
}
const lexicons = new WeakMap<Index, Lexicon>()

/**
 * Fewest edits first, then the most frequent. Empty for a word that is too short or like none.
 *
 * Cost: the first call on an index lists its words, about 1 µs each; a look-up compares with the words of like length whose
 * letters could do, about 1 ms per 50,000 words; the last look-ups are remembered.
 */
export const correctionsOf = (index: Index, word: string): readonly Correction[] =>
  bestCorrections(wordsNear(index, word))

/** All words within the distance, in no order: what the parts of a divided index are asked, since the best of all need not be the best of one. */
export const wordsNear = (index: Index, word: string): readonly Correction[] =>
  listNear(() => lexiconOf(index), word)

/** Corrections among the words of any lexicon; it is asked for only when the word could be corrected. */
export const lookUpWord = (lexiconFor: () => Lexicon, word: string): readonly Correction[] =>
  bestCorrections(listNear(lexiconFor, word))

/** Fewest edits first, then the most frequent. */
export const bestCorrections = (near: readonly Correction[]): Correction[] =>
  near
    .toSorted((a, b) => a.distance - b.distance || b.df - a.df || (a.term < b.term ? -1 : 1))
    .slice(0, CORRECTIONS_MAX)

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
  const lexicon = lexicons.get(index) ?? listWords(index)
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

function listWords(index: Index): Lexicon {
  const frequencies = new Map<string, number>()
  for (const { segment } of index.segments)
    for (let at = 0; at < segment.terms.count; at++) {
      const term = segment.terms.term(at)
      if (isListed(term))
        frequencies.set(term, (frequencies.get(term) ?? 0) + segment.terms.postings(at).rows.length)
    }
  return createLexicon(frequencies)
}

const isListed = (term: string): boolean => term.length + 2 >= LENGTH_MIN[1] && WORD.test(term)

/** @param counts documents by term; what could not be meant by a mistyped word is left out */
export function createLexicon(counts: ReadonlyMap<string, number>): Lexicon {
  const byLength: Lexicon['byLength'] = new Map()
  for (const [term, df] of counts) {
    if (!isListed(term)) continue
    const list = byLength.get(term.length) ?? []
    list.push({ term, letters: lettersOf(term), df })
    byLength.set(term.length, list)
  }
  return { byLength, found: new Map() }
}

function lookUp({ byLength }: Lexicon, word: string): Correction[] {
  const distanceMax = word.length >= LENGTH_MIN[2] ? 2 : 1
  const letters = lettersOf(word)
  const found: Correction[] = []
  for (let length = word.length - distanceMax; length <= word.length + distanceMax; length++)
    for (const { term, letters: own, df } of byLength.get(length) ?? []) {
      // Each edit adds or removes at most one kind of letter on each side.
      if (bitCount(letters & ~own) > distanceMax || bitCount(own & ~letters) > distanceMax) continue
      const distance = editDistance(word, term, distanceMax)
      if (distance <= distanceMax) found.push({ term, distance, df })
    }
  return found
}

/** A bit for each kind of letter; letters beyond a to z share bits. */
function lettersOf(word: string): number {
  let bits = 0
  for (let i = 0; i < word.length; i++) bits |= 1 << (word.charCodeAt(i) % 31)
  return bits
}

function bitCount(bits: number): number {
  let rest = bits - ((bits >>> 1) & 0x55555555)
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333)
  return (((rest + (rest >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
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
