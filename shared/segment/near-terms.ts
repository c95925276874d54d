/**
 * @file Terms of a sorted dictionary that are few edits from a word.
 *
 * Whole terms are sifted: an edit brings in at most one letter and takes out at most one, so a term whose length or set of letters
 * differs by more is passed over after two comparisons of integers. What is left is few, and measured.
 *
 * Beginnings of terms are walked: the table of edit distances is kept as a stack with a row for each letter; the next term
 * goes on from the letters that it shares with the last one, and once a row has nothing within the limit, all terms that go on from
 * there are passed over by a search. So the sorted list is walked like a tree, without one.
 * Source: optimal string alignment, Damerau, CACM 7(3), 1964; the walk, Navarro, ACM Computing Surveys 33(1), 2001, §8.
 */
import { lowerBound, type SortedTerms } from './dictionary.ts'

const encoder = new TextEncoder()
/** Letters come behind ids, facets and numbers. */
const FIRST_LETTER = encoder.encode('a')
const LETTER_BYTE_MIN = FIRST_LETTER[0]!
const LENGTH_KEPT_MAX = 255

/** Positions [from, to) of a dictionary. */
type Range = readonly [from: number, to: number]

/** What sifting reads of each term, in the order of the dictionary. */
export type SiftedTerms = {
  terms: SortedTerms
  /** Positions of the terms that are made of letters: others are no words, and passed over. */
  at: Uint32Array
  /** Letters of each, or 255 when there are more. */
  lengths: Uint8Array
  /** Letters that it has: bit `code point mod 32`. Letters that share a bit make a term pass, never fail. */
  letters: Uint32Array
}

/** Cost: a pass over the bytes of the dictionary; 9 bytes are kept for each word. */
export function siftTerms(terms: SortedTerms): SiftedTerms {
  const { bytes, offsets, count } = terms
  const first = lowerBound(terms, FIRST_LETTER)
  const at = new Uint32Array(count - first)
  const lengths = new Uint8Array(count - first)
  const letters = new Uint32Array(count - first)
  let words = 0
  for (let term = first; term < count; term++) {
    const end = offsets[term + 1]!
    let set = 0
    let length = 0
    let byte = offsets[term]!
    while (byte < end && bytes[byte]! >= LETTER_BYTE_MIN) {
      const size = letterBytes(bytes, byte, end)
      set |= 1 << (codePointAt(bytes, byte, size) & 31)
      length++
      byte += size
    }
    if (byte < end) continue
    at[words] = term
    lengths[words] = Math.min(length, LENGTH_KEPT_MAX)
    letters[words] = set
    words++
  }
  return { terms, at: at.slice(0, words), lengths: lengths.slice(0, words), letters: letters.slice(0, words) }
}

/**
 * @param word        of fewer than 250 letters
 * @param distanceMax letters inserted, left out or changed, or two neighbours exchanged; at most 3
 * @param found       called with the position of each term within the distance, ascending; terms with a digit are passed over
 */
export function findNear(
  { terms, at, lengths, letters }: SiftedTerms,
  word: string,
  distanceMax: number,
  found: (at: number, distance: number) => void,
): void {
  const asked = Uint32Array.from(word, (letter) => letter.codePointAt(0)!)
  const set = asked.reduce((bits, letter) => bits | (1 << (letter & 31)), 0)
  const table = createTable(asked, distanceMax)
  const shortest = asked.length - distanceMax
  const longest = asked.length + distanceMax
  for (let i = 0; i < at.length; i++) {
    if (lengths[i]! < shortest || lengths[i]! > longest) continue
    const own = letters[i]!
    if (bitCount(own & ~set) > distanceMax || bitCount(set & ~own) > distanceMax) continue
    const distance = distanceOf(terms, at[i]!, table)
    if (distance <= distanceMax) found(at[i]!, distance)
  }
}

/** Distance of a whole term; above the limit, something above it. */
function distanceOf({ bytes, offsets }: SortedTerms, at: number, table: Table): number {
  const end = offsets[at + 1]!
  let depth = 0
  for (let byte = offsets[at]!; byte < end; ) {
    const size = letterBytes(bytes, byte, end)
    const least = table.push(++depth, codePointAt(bytes, byte, size))
    if (least > table.max) return least
    byte += size
  }
  return table.distance(depth)
}

/** Source: Warren, Hacker's Delight, 2nd edition, §5-1. */
function bitCount(value: number): number {
  let bits = value - ((value >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/**
 * The terms of which some beginning is within the distance, for words in the making.
 *
 * @param range where to look
 * @param found called with ranges of positions, ascending and apart; the distance is that of the shortest such beginning
 */
export function findBegun(
  terms: SortedTerms,
  [first, end]: Range,
  word: string,
  distanceMax: number,
  found: (from: number, distance: number, to: number) => void,
): void {
  const { bytes, offsets } = terms
  const letters = Uint32Array.from(word, (letter) => letter.codePointAt(0)!)
  const table = createTable(letters, distanceMax)
  // Where each letter of the term at hand ends, behind its first byte.
  const ends = new Int32Array(letters.length + distanceMax + 2)
  let depth = 0
  for (let at = first; at < end; ) {
    const start = offsets[at]!
    const length = offsets[at + 1]! - start
    let isDead = false
    let distance = table.distance(depth)
    while (ends[depth]! < length && !isDead && distance > distanceMax) {
      const from = start + ends[depth]!
      const size = letterBytes(bytes, from, offsets[at + 1]!)
      ends[depth + 1] = ends[depth]! + size
      depth++
      isDead = table.push(depth, codePointAt(bytes, from, size)) > distanceMax
      distance = isDead ? distanceMax + 1 : table.distance(depth)
    }
    const isFound = distance <= distanceMax
    let next = at + 1
    // What is said of the last letter is true of all terms that go on from it.
    if (isDead || (isFound && depth > 0))
      next = behind(terms, at, ends[depth]! - 1, bytes[start + ends[depth]! - 1]!, end)
    if (isFound) found(at, distance, next)
    if (next < end) {
      const shared = sharedBytes(terms, at, next)
      // Of a letter of several bytes all must be shared.
      while (ends[depth]! > shared) depth--
    }
    at = next
  }
}

/** Rows of edit distances between the word and the first letters of a term; distances above the limit are all one more than it. */
type Table = ReturnType<typeof createTable>
function createTable(word: Uint32Array, max: number) {
  const width = word.length + 2
  const rows = new Uint8Array((word.length + max + 2) * width).fill(max + 1)
  const term = new Uint32Array(word.length + max + 2)
  for (let j = 0; j <= Math.min(max, word.length); j++) rows[j] = j
  return {
    max,
    /** The row of the term's `depth`-th letter, from 1. Returns the least in it. */
    push(depth: number, letter: number): number {
      term[depth] = letter
      const own = depth * width
      const last = own - width
      const from = Math.max(1, depth - max)
      const to = Math.min(word.length, depth + max)
      rows[own + from - 1] = from === 1 ? Math.min(depth, max + 1) : max + 1
      let least = rows[own + from - 1]!
      for (let j = from; j <= to; j++) {
        const change = word[j - 1] === letter ? 0 : 1
        let cost = Math.min(
          rows[last + j]! + 1,
          rows[own + j - 1]! + 1,
          rows[last + j - 1]! + change,
          max + 1,
        )
        if (depth > 1 && j > 1 && word[j - 2] === letter && word[j - 1] === term[depth - 1])
          cost = Math.min(cost, rows[last - width + j - 2]! + 1)
        rows[own + j] = cost
        if (cost < least) least = cost
      }
      // What lies beyond the band must not be left from another term.
      rows[own + to + 1] = max + 1
      return least
    },
    /** Of the term's first `depth` letters as a whole. */
    distance: (depth: number): number =>
      depth + max < word.length ? max + 1 : rows[depth * width + word.length]!,
  }
}

/** Bytes of the letter at a byte. What is no UTF-8 reads as some letter of one byte or more, never beyond the term. */
function letterBytes(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!
  const size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  return at + size > end ? 1 : size
}

function codePointAt(bytes: Uint8Array, at: number, size: number): number {
  if (size === 1) return bytes[at]!
  let codePoint = bytes[at]! & (0xff >>> (size + 1))
  for (let i = 1; i < size; i++) codePoint = (codePoint << 6) | (bytes[at + i]! & 63)
  return codePoint
}

function sharedBytes({ bytes, offsets }: SortedTerms, a: number, b: number): number {
  const [from, other] = [offsets[a]!, offsets[b]!]
  const most = Math.min(offsets[a + 1]! - from, offsets[b + 1]! - other)
  let shared = 0
  while (shared < most && bytes[from + shared] === bytes[other + shared]) shared++
  return shared
}

/**
 * First position behind `at` whose term has not the same first `length` bytes and then one up to `byteMax`: steps that double, then
 * halves.
 */
function behind(terms: SortedTerms, at: number, length: number, byteMax: number, end: number): number {
  let step = 1
  while (at + step < end && goesOn(terms, at, at + step, length, byteMax)) step *= 2
  let low = at + (step >>> 1)
  let high = Math.min(end, at + step)
  while (low + 1 < high) {
    const middle = (low + high) >>> 1
    if (goesOn(terms, at, middle, length, byteMax)) low = middle
    else high = middle
  }
  return Math.max(high, at + 1)
}

function goesOn(
  { bytes, offsets }: SortedTerms,
  at: number,
  other: number,
  length: number,
  byteMax: number,
): boolean {
  const from = offsets[at]!
  const otherFrom = offsets[other]!
  if (offsets[other + 1]! - otherFrom <= length || bytes[otherFrom + length]! > byteMax) return false
  // From the end, where terms far apart differ first.
  for (let i = length - 1; i >= 0; i--) if (bytes[from + i] !== bytes[otherFrom + i]) return false
  return true
}
