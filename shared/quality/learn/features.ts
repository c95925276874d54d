/**
 * @file An item as hashed features: what it is, said by its words, its brand and its category. Hashing bounds what is learnt
 * whatever the vocabulary is. Source: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
 */
import type { Item } from '../../schema/item.ts'
import { foldText } from '../../text/normalise.ts'

/** More words than this of a text say nothing new about what the item is. */
const WORDS_MAX = 40
const WORD_CHARS_MAX = 40
const TEXT_CHARS_MAX = 1_000
/** Scripts without spaces: a character is a word, so that pairs of neighbours are the bigrams usual for them. */
const WORDS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[[\p{L}\p{M}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+/gv

/** The words of a text as they are compared: folded, at most `WORDS_MAX`. */
export function wordsOf(text: string, wordsMax = WORDS_MAX): string[] {
  const words: string[] = []
  for (const [word] of foldText(text.slice(0, TEXT_CHARS_MAX)).matchAll(WORDS)) {
    if (words.length === wordsMax) break
    words.push(word.slice(0, WORD_CHARS_MAX))
  }
  return words
}

/** 32 bits, unsigned. Source: FNV-1a with the finaliser of MurmurHash3 (both public domain). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** One hash from two; the order counts. */
export function mixHashes(first: number, second: number): number {
  let hash = Math.imul(first ^ Math.imul(second, 0x9e3779b1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** Words, neighbouring words in pairs, brand, and each level of the category with those above it; each once. */
export function kindFeatures(item: Pick<Item, 'title' | 'brand' | 'category'>): number[] {
  const features = textFeatures(item.title)
  if (item.brand !== '') features.add(mixHashes(BRAND, hashText(foldText(item.brand))))
  let path = CATEGORY
  for (const level of item.category) {
    path = mixHashes(path, hashText(foldText(level)))
    features.add(path)
  }
  return [...features]
}

/** Words and pairs of neighbours of a text. */
export function textFeatures(text: string, wordsMax = WORDS_MAX): Set<number> {
  const hashes = wordsOf(text, wordsMax).map(hashText)
  const features = new Set(hashes)
  for (let at = 1; at < hashes.length; at++) features.add(mixHashes(hashes[at - 1]!, hashes[at]!))
  return features
}

const BRAND = hashText('brand')
const CATEGORY = hashText('category')
