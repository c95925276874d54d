/** @file How like two strings are, from 0 to 1. */

/**
 * Source: Jaro, JASA 84(406), 1989; the bonus for up to four equal first letters: Winkler 1990.
 * Cost: O(|a| · |b| / 2); only the first 64 characters of each count.
 */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return a === '' ? 0 : 1
  const [m, n] = [Math.min(a.length, CHARS_MAX), Math.min(b.length, CHARS_MAX)]
  if (m === 0 || n === 0) return 0
  const reach = Math.max(0, (Math.max(m, n) >> 1) - 1)
  takenA.fill(0, 0, m)
  takenB.fill(0, 0, n)
  let matches = 0
  for (let i = 0; i < m; i++) {
    const code = a.charCodeAt(i)
    for (let j = Math.max(0, i - reach); j <= Math.min(n - 1, i + reach); j++) {
      if (takenB[j] || b.charCodeAt(j) !== code) continue
      takenA[i] = 1
      takenB[j] = 1
      matches++
      break
    }
  }
  if (matches === 0) return 0
  let transposed = 0
  for (let i = 0, j = 0; i < m; i++) {
    if (!takenA[i]) continue
    while (!takenB[j]) j++
    if (a.charCodeAt(i) !== b.charCodeAt(j++)) transposed++
  }
  const jaro = (matches / m + matches / n + (matches - transposed / 2) / matches) / 3
  let start = 0
  while (start < Math.min(4, m, n) && a.charCodeAt(start) === b.charCodeAt(start)) start++
  return jaro + start * WINKLER * (1 - jaro)
}
const CHARS_MAX = 64
const WINKLER = 0.1
const takenA = new Uint8Array(CHARS_MAX)
const takenB = new Uint8Array(CHARS_MAX)

/** 1 − edits / longer length; only the first 64 characters of each count. Source: Levenshtein 1966. */
export function levenshteinLikeness(a: string, b: string): number {
  const [m, n] = [Math.min(a.length, CHARS_MAX), Math.min(b.length, CHARS_MAX)]
  if (m === 0 || n === 0) return 0
  for (let j = 0; j <= n; j++) row[j] = j
  for (let i = 1; i <= m; i++) {
    let diagonal = row[0]!
    row[0] = i
    for (let j = 1; j <= n; j++) {
      const above = row[j]!
      const edit =
        a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? diagonal : 1 + Math.min(diagonal, above, row[j - 1]!)
      diagonal = above
      row[j] = edit
    }
  }
  return 1 - row[n]! / Math.max(m, n)
}
const row = new Uint16Array(CHARS_MAX + 1)

/** Letters that two strings start with in common. */
export function commonStart(a: string, b: string): number {
  let at = 0
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++
  return at
}

/** Two rising lists of numbers: how many stand in both. */
export function countShared(a: Uint32Array, b: Uint32Array): number {
  let shared = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      shared++
      i++
      j++
    } else if (a[i]! < b[j]!) i++
    else j++
  }
  return shared
}

/**
 * How surely two different words mean the same: 0 below the likeness from which chance is unlikely. Words with digits
 * are only ever equal: "500gb" and "600gb" look alike and differ in all that counts.
 */
export function wordLikeness(a: string, b: string): number {
  if (a === b) return 1
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  if (short.length < 3 || HAS_DIGIT.test(a) || HAS_DIGIT.test(b)) return 0
  // "prof" for "professional", "mac" for "macintosh".
  if (long.startsWith(short)) return 0.9
  if (short.length < 4 || short.length < long.length / 2) return 0
  const likeness = jaroWinkler(a, b)
  return likeness >= WORD_LIKENESS_MIN ? likeness : 0
}
const HAS_DIGIT = /\d/
const WORD_LIKENESS_MIN = 0.9
