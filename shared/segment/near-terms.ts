/**
 * @file Terms of a sorted dictionary that are few edits from a word. The table of edit distances is kept as a stack with a row for
 * each letter: the next term goes on from the letters that it shares with the last one, and once a row has nothing
 * within the limit, all terms that go on from there are passed over by a search. So the sorted list is walked like a tree, without one.
 * Source: optimal string alignment, Damerau, CACM 7(3), 1964; the walk, Navarro, ACM Computing Surveys 33(1), 2001, §8.
 */
import { lowerBound, type SortedTerms } from './dictionary.ts'

const encoder = new TextEncoder()
/** Letters come behind ids, facets and numbers. */
const FIRST_LETTER = encoder.encode('a')
const LETTER_BYTE_MIN = FIRST_LETTER[0]!

/** Positions [from, to) of a dictionary. */
type Range = readonly [from: number, to: number]

/**
 * @param distanceMax letters inserted, left out or changed, or two neighbours exchanged
 * @param found       called with the position of each term within the distance, ascending; terms with a digit are passed over
 */
export const findNear = (
  terms: SortedTerms,
  word: string,
  distanceMax: number,
  found: (at: number, distance: number) => void,
): void => walk(terms, [lowerBound(terms, FIRST_LETTER), terms.count], word, distanceMax, false, found)

/**
 * The terms of which some beginning is within the distance, for words in the making.
 *
 * @param range where to look
 * @param found called with ranges of positions, ascending and apart; the distance is that of the shortest such beginning
 */
export const findBegun = (
  terms: SortedTerms,
  range: Range,
  word: string,
  distanceMax: number,
  found: (from: number, distance: number, to: number) => void,
): void => walk(terms, range, word, distanceMax, true, found)

function walk(
  terms: SortedTerms,
  [first, end]: Range,
  word: string,
  distanceMax: number,
  isBegun: boolean,
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
    // The highest byte at the place of the last letter that leads nowhere.
    let deadByte = 0
    let distance = table.distance(depth)
    while (ends[depth]! < length && !isDead && !(isBegun && distance <= distanceMax)) {
      const from = start + ends[depth]!
      const size = letterBytes(bytes, from, offsets[at + 1]!)
      ends[depth + 1] = ends[depth]! + size
      depth++
      const isLetter = isBegun || bytes[from]! >= LETTER_BYTE_MIN
      isDead = !isLetter || table.push(depth, codePointAt(bytes, from, size)) > distanceMax
      deadByte = isLetter ? bytes[from + size - 1]! : LETTER_BYTE_MIN - 1
      distance = isDead ? distanceMax + 1 : table.distance(depth)
    }
    const isFound = distance <= distanceMax
    let next = at + 1
    if (isDead) next = behind(terms, at, ends[depth]! - 1, deadByte, end)
    else if (isFound && isBegun && depth > 0)
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
function createTable(word: Uint32Array, max: number) {
  const width = word.length + 2
  const rows = new Uint8Array((word.length + max + 2) * width).fill(max + 1)
  const term = new Uint32Array(word.length + max + 2)
  for (let j = 0; j <= Math.min(max, word.length); j++) rows[j] = j
  return {
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
