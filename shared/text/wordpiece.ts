/**
 * @file WordPiece as BERT defines it: basic tokenization (clean, CJK apart, lower case and accents for uncased models,
 * punctuation apart), then the longest match first in the vocabulary.
 * Source: Devlin et al. 2018, reference `tokenization.py` of google-research/bert.
 */
export type WordPiece = {
  /** Ids with [CLS] in front and [SEP] behind, cut to `maxTokens` in all. */
  encode(text: string, maxTokens: number): Int32Array
  /** [CLS] text [SEP] pair [SEP]; what is too long is cut from the pair first. */
  encodePair(text: string, pair: string, maxTokens: number): Int32Array
  /** Pieces without the special tokens. */
  tokens(text: string): string[]
  readonly size: number
  readonly padId: number
  readonly unkId: number
  readonly clsId: number
  readonly sepId: number
  readonly maskId: number
}

/** Characters of a word beyond which the reference gives [UNK]. */
const WORD_CHARS_MAX = 100
const WORDS_CACHED_MAX = 100_000
/** Text is cut before tokenizing: no 64-token window needs more, and a 100 kB text would cost for nothing. */
const TEXT_CHARS_PER_TOKEN = 24

/**
 * @param vocabulary piece by id, with [PAD] [UNK] [CLS] [SEP] [MASK]
 * @param lowercase  true for uncased models: lower case and accents off
 */
export function createWordPiece({
  vocabulary,
  lowercase,
}: {
  vocabulary: readonly string[]
  lowercase: boolean
}): WordPiece {
  const ids = new Map(vocabulary.map((piece, id) => [piece, id]))
  const pieceCharsMax = vocabulary.reduce((longest, piece) => Math.max(longest, piece.length), 0)
  const special = (piece: string): number => {
    const id = ids.get(piece)
    if (id === undefined) throw new Error(`The vocabulary has no ${piece}.`)
    return id
  }
  const [padId, unkId, clsId, sepId, maskId] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map(
    special,
  ) as [number, number, number, number, number]
  const cache = new Map<string, readonly number[]>()

  /** Longest piece first; a word with an unknown rest is [UNK] as a whole. */
  const split = (word: string): readonly number[] => {
    if (word.length > WORD_CHARS_MAX && [...word].length > WORD_CHARS_MAX) return [unkId]
    const pieces: number[] = []
    // In code units: no piece ends within a surrogate pair.
    for (let start = 0; start < word.length; ) {
      const prefix = start > 0 ? '##' : ''
      let end = Math.min(word.length, start + pieceCharsMax)
      let id = ids.get(prefix + word.slice(start, end))
      while (id === undefined && --end > start) id = ids.get(prefix + word.slice(start, end))
      if (id === undefined) return [unkId]
      pieces.push(id)
      start = end
    }
    return pieces
  }
  const piecesOf = (word: string): readonly number[] => {
    const known = cache.get(word)
    if (known) return known
    if (cache.size >= WORDS_CACHED_MAX) cache.clear()
    const pieces = split(word)
    cache.set(word, pieces)
    return pieces
  }

  /** At most `max` ids, without special tokens. */
  const idsOf = (text: string, max: number): number[] => {
    const out: number[] = []
    for (const word of basicTokens(text.slice(0, max * TEXT_CHARS_PER_TOKEN), lowercase)) {
      for (const id of piecesOf(word)) out.push(id)
      if (out.length >= max) break
    }
    return out.slice(0, max)
  }

  return {
    size: vocabulary.length,
    padId,
    unkId,
    clsId,
    sepId,
    maskId,
    encode: (text, maxTokens) => new Int32Array([clsId, ...idsOf(text, maxTokens - 2), sepId]),
    encodePair(text, pair, maxTokens) {
      const first = idsOf(text, maxTokens - 3)
      return new Int32Array([clsId, ...first, sepId, ...idsOf(pair, maxTokens - 3 - first.length), sepId])
    },
    tokens: (text) =>
      basicTokens(text, lowercase).flatMap((word) => piecesOf(word).map((id) => vocabulary[id]!)),
  }
}

const DROPPED = /[\u0000\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu
/**
 * What is a token by itself: the reference's punctuation (all ASCII that is no letter, digit or space, and Unicode category P)
 * and the blocks that it calls Chinese (ideographs, not kana or hangul).
 */
const MARK =
  '!-/:-@[-`{-~\\p{P}\\u4e00-\\u9fff\\u3400-\\u4dbf\\uf900-\\ufaff\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}\\u{2b740}-\\u{2b81f}\\u{2b820}-\\u{2ceaf}\\u{2f800}-\\u{2fa1f}'
const MARK_OR_WORD = new RegExp(`[${MARK}]|[^\\s${MARK}]+`, 'gu')
const PLAIN = /^[\t\n\r -~]*$/
const PLAIN_MARK_OR_WORD = /[!-/:-@[-`{-~]|[A-Za-z0-9]+/g

/** Words and punctuation marks, before the split into pieces. */
export function basicTokens(text: string, lowercase: boolean): string[] {
  // Most texts are ASCII, where nothing is to be dropped and no accent to be taken off: the same tokens in half the time.
  if (PLAIN.test(text)) return (lowercase ? text.toLowerCase() : text).match(PLAIN_MARK_OR_WORD) ?? []
  const clean = text.replace(DROPPED, '')
  return (lowercase ? foldAccents(clean) : clean).match(MARK_OR_WORD) ?? []
}

const foldAccents = (text: string): string =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
