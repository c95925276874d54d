/**
 * @file Learns a WordPiece vocabulary from a shop's own texts: start from characters, join the pair of neighbours with the
 * highest likelihood gain until the vocabulary is full.
 * Source: Schuster and Nakajima 2012; the score count(ab) / (count(a) · count(b)) as in Wu et al. 2016.
 */
import { basicTokens } from './wordpiece.ts'

export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

type Options = {
  /** Pieces at most, special tokens included. */
  size: number
  lowercase: boolean
  /** Distinct words that take part, the most frequent ones. */
  wordsMax?: number
  /** Single characters that get a piece, the most frequent ones. */
  charactersMax?: number
}
type Word = { pieces: number[]; count: number }

/**
 * The same texts give the same vocabulary.
 *
 * Pure likelihood gain prefers rare pairs that always come together. Frequency is what shortens texts, so pairs are ranked
 * by count · gain^½: between BPE (count) and WordPiece (gain); ties go to the pair that is first in code-unit order.
 * Cost: each join touches only the words that hold the pair; 8k pieces from 1.5 MB take a few seconds.
 */
export function trainWordPiece(texts: Iterable<string>, options: Options): string[] {
  const { size, lowercase, wordsMax = 30_000, charactersMax = 3_000 } = options
  const counts = countWords(texts, lowercase, wordsMax)
  const pieces: string[] = [...SPECIAL_TOKENS]
  const idOf = new Map<string, number>(pieces.map((piece, id) => [piece, id]))
  const intern = (piece: string): number => {
    const known = idOf.get(piece)
    if (known !== undefined) return known
    idOf.set(piece, pieces.length)
    pieces.push(piece)
    return pieces.length - 1
  }
  for (const character of frequentCharacters(counts, Math.min(charactersMax, Math.floor(size / 3)))) {
    if (pieces.length + 2 > size) break
    intern(character)
    if (!/\p{Script=Han}/u.test(character)) intern(`##${character}`)
  }
  const words: Word[] = []
  for (const [text, count] of counts) {
    const known = [...text].map((character, index) => idOf.get(index > 0 ? `##${character}` : character))
    if (known.every((id) => id !== undefined)) words.push({ pieces: known as number[], count })
  }
  joinPairs(words, pieces, intern, size)
  return pieces
}

function countWords(texts: Iterable<string>, lowercase: boolean, wordsMax: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts)
    for (const word of basicTokens(text, lowercase)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return new Map(byCount.slice(0, wordsMax))
}

function frequentCharacters(counts: Map<string, number>, max: number): string[] {
  const characters = new Map<string, number>()
  for (const [word, count] of counts)
    for (const character of word) characters.set(character, (characters.get(character) ?? 0) + count)
  return [...characters]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, max)
    .map(([character]) => character)
}

/** Pair of piece ids as one number; ids stay below 2^20. */
const PAIR_BASE = 2 ** 20

function joinPairs(words: Word[], pieces: string[], intern: (piece: string) => number, size: number): void {
  const pairCounts = new Map<number, number>()
  const wordsWith = new Map<number, Set<Word>>()
  const pieceCounts: number[] = []
  const tally = (word: Word, sign: 1 | -1) => {
    word.pieces.forEach((piece, index) => {
      pieceCounts[piece] = (pieceCounts[piece] ?? 0) + sign * word.count
      if (index === 0) return
      const pair = word.pieces[index - 1]! * PAIR_BASE + piece
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + sign * word.count)
      const holders = wordsWith.get(pair)
      if (holders) holders.add(word)
      else wordsWith.set(pair, new Set([word]))
    })
  }
  for (const word of words) tally(word, 1)

  while (pieces.length < size) {
    let best = -1
    let bestScore = 0
    for (const [pair, count] of pairCounts) {
      if (count < 2) continue
      const left = pieceCounts[Math.floor(pair / PAIR_BASE)]!
      const right = pieceCounts[pair % PAIR_BASE]!
      const score = count * Math.sqrt(count / (left * right))
      if (score > bestScore || (score === bestScore && best >= 0 && pair < best)) {
        bestScore = score
        best = pair
      }
    }
    if (best < 0) return
    const left = Math.floor(best / PAIR_BASE)
    const right = best % PAIR_BASE
    const joined = intern(pieces[left]! + pieces[right]!.slice(2))
    for (const word of wordsWith.get(best) ?? []) {
      tally(word, -1)
      word.pieces = joinIn(word.pieces, left, right, joined)
      tally(word, 1)
    }
    pairCounts.delete(best)
    wordsWith.delete(best)
  }
}

function joinIn(pieces: number[], left: number, right: number, joined: number): number[] {
  const out: number[] = []
  for (let index = 0; index < pieces.length; index++) {
    if (pieces[index] === left && pieces[index + 1] === right) {
      out.push(joined)
      index++
    } else out.push(pieces[index]!)
  }
  return out
}
