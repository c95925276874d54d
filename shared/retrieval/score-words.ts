/**
 * @file The words of a query scored over an index, window by window of its rows. In a window the posting lists mark, in arrays that
 * stay in the first cache, which documents have which words and with what weight. All that are marked count as matches; only those
 * whose words could still bring them among the best are scored:
 *
 *   score(d) ≤ coordination(S) · Σ over words w in S of bound(w),   S = words that d has
 *   bound(w) = most that a posting of w with the largest weight in the window's blocks gives, as a head, in an empty title
 *
 * The score itself is computed in the same order and precision by whatever way a document is reached, so that pruning changes no answer.
 * Source: block maxima, Ding and Suel, SIGIR 2011; windows of accumulators as in Lucene's MaxScoreBulkScorer.
 */
import type { Segment } from '../segment/decode.ts'
import { PostingCursor } from '../segment/postings.ts'
import { isOpen } from '../vector/engine.ts'
import { Best } from './best.ts'
import type { LexicalMatch } from './lexical.ts'
import type { DocMask, Index } from './load-index.ts'

/** Positions [from, to) in the dictionary of each segment. */
export type TermRanges = readonly (readonly [from: number, to: number])[]
/** Lists that count as one: of a term, or of all terms that a prefix starts, of which a document's largest weight counts. */
export type WordForm = {
  lists: TermRanges
  /** idf times what the form counts. */
  factor: number
  /** Forms that the word is made of add up, and come first; of what it may also mean the best counts, if it is better. */
  isWhole: boolean
}
export type ScoredWord = {
  /** Share of the word in the coordination. */
  weight: number
  forms: readonly WordForm[]
  /** Lists of documents that are what the word says. */
  heads: readonly TermRanges[]
}

/** Posting weights are half words and a title counts threefold, so k₁ is larger than for plain counts. */
const K1 = 6
/** Low, because in a shop a long title is a well-described item more often than a vague one. */
const B = 0.3
const COORDINATION_POWER = 1.5
/** For "keyboard" the keyboards come before the covers for them: the word counts more where it says what the item is. */
const HEAD_FACTOR = 1.4

/** Rows of a window: its marks take 16 KB. */
const WINDOW_ROWS = 4_096
/** Apart by more than a window, else the weights of one document lay in the same set of the cache for all forms. */
const STRIDE = WINDOW_ROWS + 64
/** Words of one table of bounds. */
const TABLE_WORDS = 8
const TABLE_SIZE = 1 << TABLE_WORDS
const TABLES = 4
/** With fewer postings than a row in so many, rows are noted as they are marked; else those with a mark are looked for behind it. */
const SPARSE = 16
/** Bits of a mark. */
export const WORDS_MAX = TABLES * TABLE_WORDS
/** Coordinations that are remembered of searches with more words than a table has. */
const REMEMBERED = 1_024
/** Scores are sums in single precision: a bound must not lose to one that was rounded up. */
const BOUND_SLACK = 1 + 1e-4

// One search after another on one thread: what they need is made once.
const best = new Best()
/** Words of each row of the window, a bit each. */
const marks = new Int32Array(WINDOW_ROWS)
/** Words of which the row is what they say. */
const headMarks = new Int32Array(WINDOW_ROWS)
/** Rows of the window that have a mark: the first `touchedCount`. One more, because a row is written before it is known to have one. */
const touched = new Uint16Array(WINDOW_ROWS + 1)
let touchedCount = 0
/** u8[forms, STRIDE]: largest weight of each form by row. */
let weights = new Uint8Array(16 * STRIDE)
const shares = new Float64Array(TABLES * TABLE_SIZE)
const bounds = new Float64Array(TABLES * TABLE_SIZE)
/** Of searches whose words fit in one table: what `boundOf` gives for each mark. */
const limits = new Float64Array(TABLE_SIZE)
/** Coordinations of the marks in `rememberedMarks`, each at the place that its bits give. */
const coordinations = new Float64Array(REMEMBERED)
/** 0 where nothing is remembered: no document without a word is scored. */
const rememberedMarks = new Int32Array(REMEMBERED)
/** Of the forms in the segment at hand, in the order of the words: what `Leaf` says, where a sum reads it fast. */
let factors = new Float64Array(16)
let areWhole = new Uint8Array(16)
/** First form of each word, and behind the last word the number of forms. */
const formsFrom = new Int32Array(WORDS_MAX + 1)
const cursors: PostingCursor[] = []
let cursorsOpen = 0

/** A form in one segment. */
type Leaf = {
  word: number
  factor: number
  isWhole: boolean
  cursors: PostingCursor[]
  /** Of all its lists. */
  postings: number
  /** The largest weight of the blocks that the window touches. */
  weightMax: number
}
type Head = { word: number; cursors: PostingCursor[] }

export type ScoreOptions = {
  limit: number
  /** Which live documents may match; null for all. */
  accept: DocMask | null
  /** u8[docCount], set to 1 for every match. */
  seen: Uint8Array | null
}

/**
 * The best live documents that have a word and are accepted, best first, equal scores by item number; and how many there are in all.
 *
 * @param words         at most WORDS_MAX
 * @param averageLength of documents, half words
 */
export function scoreWords(
  index: Index,
  words: readonly ScoredWord[],
  averageLength: number,
  { limit, accept, seen }: ScoreOptions,
): { matches: LexicalMatch[]; total: number } {
  best.reset(limit)
  const weightSum = words.reduce((sum, { weight }) => sum + weight, 0)
  const coordinate = coordinationOf(words, weightSum)
  const lengthFactor = (K1 * B) / averageLength
  const { live } = index
  let total = 0
  index.segments.forEach(({ segment, base }, at) => {
    const leaves = words.flatMap(({ forms }, word) =>
      forms.flatMap(({ lists, factor, isWhole }): Leaf[] => {
        const opened = openCursors(segment, lists[at]!)
        if (opened.length === 0) return []
        const postings = countPostings(segment, lists[at]!)
        return [{ word, factor, isWhole, cursors: opened, postings, weightMax: 0 }]
      }),
    )
    const heads = words.flatMap(({ heads }, word): Head[] => {
      const opened = heads.flatMap((lists) => openCursors(segment, lists[at]!))
      return opened.length > 0 ? [{ word, cursors: opened }] : []
    })
    listForms(leaves, words.length)
    const task = {
      segment,
      base,
      words,
      weightSum,
      lengthFactor,
      leaves,
      heads,
      coordinate,
      live,
      accept,
      seen,
    }
    total += scoreSegment(task)
    closeCursors()
  })
  return { matches: best.drain(), total }
}

type SegmentTask = {
  segment: Segment
  base: number
  words: readonly ScoredWord[]
  weightSum: number
  lengthFactor: number
  leaves: Leaf[]
  heads: Head[]
  coordinate: (mark: number) => number
  live: Uint8Array
  accept: DocMask | null
  seen: Uint8Array | null
}

function scoreSegment(task: SegmentTask): number {
  const { segment, leaves, heads } = task
  let total = 0
  const isSparse = leaves.reduce((sum, { postings }) => sum + postings, 0) * SPARSE < segment.rows
  for (let from = nextRow(leaves); from < segment.rows; from = nextRow(leaves)) {
    const to = Math.min(segment.rows, from + WINDOW_ROWS)
    leaves.forEach((leaf, at) => {
      leaf.weightMax = 0
      for (const cursor of leaf.cursors) markRows(cursor, from, to, leaf, at * STRIDE, isSparse)
    })
    for (const { word, cursors } of heads)
      for (const cursor of cursors) markHeads(cursor, from, to, 1 << word)
    if (!isSparse) collectTouched(to - from)
    total += scoreWindow(task, from)
    clearWindow(leaves.length, to - from, heads.length > 0)
  }
  return total
}

function listForms(leaves: readonly Leaf[], wordCount: number): void {
  if (weights.length < leaves.length * STRIDE) {
    weights = new Uint8Array(leaves.length * STRIDE)
    factors = new Float64Array(leaves.length)
    areWhole = new Uint8Array(leaves.length)
  }
  let at = 0
  for (let word = 0; word < wordCount; word++) {
    formsFrom[word] = at
    for (; at < leaves.length && leaves[at]!.word === word; at++) {
      factors[at] = leaves[at]!.factor
      areWhole[at] = leaves[at]!.isWhole ? 1 : 0
    }
  }
  formsFrom[wordCount] = at
}

/** The first row that no window has had yet; infinity at the end of all lists. */
function nextRow(leaves: readonly Leaf[]): number {
  let next = Number.POSITIVE_INFINITY
  for (const { cursors } of leaves)
    for (const cursor of cursors)
      if (cursor.count > 0 && cursor.rows[cursor.at]! < next) next = cursor.rows[cursor.at]!
  return next
}

function markRows(
  cursor: PostingCursor,
  from: number,
  to: number,
  leaf: Leaf,
  weightsFrom: number,
  isSparse: boolean,
): void {
  const { rows } = cursor
  while (cursor.count > 0 && rows[cursor.at]! < to) {
    const own = cursor.readWeights()
    if (cursor.weightMax > leaf.weightMax) leaf.weightMax = cursor.weightMax
    let end = cursor.count
    if (rows[end - 1]! >= to) for (end = cursor.at; rows[end]! < to; ) end++
    if (isSparse) noteTouched(rows, cursor.at, end, from)
    markBlock(rows, own, cursor.at, end, from, 1 << leaf.word, weightsFrom)
    cursor.at = end
    if (end === cursor.count) cursor.nextBlock()
  }
}

function markBlock(
  rows: Uint32Array,
  own: Uint8Array,
  first: number,
  end: number,
  from: number,
  bit: number,
  weightsFrom: number,
): void {
  for (let at = first; at < end; at++) {
    const row = rows[at]! - from
    marks[row]! |= bit
    // Of several lists of a form the largest weight stays.
    if (own[at]! > weights[weightsFrom + row]!) weights[weightsFrom + row] = own[at]!
  }
}

/** Notes those rows of a block that have no mark yet. */
function noteTouched(rows: Uint32Array, first: number, end: number, from: number): void {
  for (let at = first; at < end; at++) {
    const row = rows[at]! - from
    if (marks[row] === 0) touched[touchedCount++] = row
  }
}

/** Notes the rows of a window that have a mark, in their order. */
function collectTouched(rows: number): void {
  let count = 0
  for (let row = 0; row < rows; row++) {
    const mark = marks[row]!
    touched[count] = row
    // Without a branch, which would be taken at random: the sign of a number or of its negative is set unless it is 0.
    count += (mark | -mark) >>> 31
  }
  touchedCount = count
}

function markHeads(cursor: PostingCursor, from: number, to: number, bit: number): void {
  const { rows } = cursor
  while (cursor.count > 0 && rows[cursor.at]! < to) {
    for (; cursor.at < cursor.count && rows[cursor.at]! < to; cursor.at++) {
      const row = rows[cursor.at]! - from
      // Below 0 are rows that the words do not have, between two windows.
      if (row >= 0) headMarks[row]! |= bit
    }
    if (cursor.at === cursor.count) cursor.nextBlock()
  }
}

function scoreWindow(task: SegmentTask, from: number): number {
  const { segment, base, words, weightSum, lengthFactor, coordinate, live, accept, seen } = task
  const { number, length } = segment
  const isOneTable = words.length <= TABLE_WORDS
  let threshold = best.threshold
  if (threshold > 0) fillBounds(task)
  let total = 0
  for (let i = 0; i < touchedCount; i++) {
    const row = touched[i]!
    const doc = base + from + row
    if (live[doc] === 0 || (accept !== null && !isOpen(accept, doc))) continue
    total++
    if (seen !== null) seen[doc] = 1
    const mark = marks[row]!
    if (threshold > 0) {
      const limit = isOneTable ? limits[mark]! : boundOf(mark, words.length, weightSum)
      if (limit < threshold) continue
    }
    const sum = sumOf(row, mark, lengthFactor * length[from + row]!)
    const score = Math.fround(sum * coordinate(mark))
    if (score < threshold) continue
    best.offer(doc, number[from + row]!, score, mark)
    // While everything comes in there are no bounds: they begin to matter here.
    if (threshold < 0 && best.threshold > 0) fillBounds(task)
    threshold = best.threshold
  }
  return total
}

/** Σ over the words of a mark, in their order: each sum is rounded to single precision. */
function sumOf(row: number, mark: number, lengthPart: number): number {
  let sum = 0
  for (let rest = mark; rest !== 0; rest &= rest - 1) {
    const word = 31 - Math.clz32(rest & -rest)
    let score = 0
    for (let form = formsFrom[word]!; form < formsFrom[word + 1]!; form++) {
      const tf = weights[form * STRIDE + row]!
      if (tf === 0) continue
      const own = (factors[form]! * tf * (K1 + 1)) / (tf + K1 * (1 - B) + lengthPart)
      if (areWhole[form] === 1) score = Math.fround(score + own)
      else if (own > score) score = Math.fround(own)
    }
    if (headMarks[row]! & (1 << word)) score = Math.fround(score * HEAD_FACTOR)
    sum = Math.fround(sum + score)
  }
  return sum
}

/** Tables of the most that any set of words can give in this window, and of their weights: one for each eight words. */
function fillBounds({ words, weightSum, leaves, heads }: SegmentTask): void {
  const most = new Float64Array(words.length)
  for (let at = 0; at < leaves.length; ) {
    const { word } = leaves[at]!
    let whole = 0
    let other = 0
    for (; at < leaves.length && leaves[at]!.word === word; at++) {
      const { factor, isWhole, weightMax } = leaves[at]!
      const own = (factor * weightMax * (K1 + 1)) / (weightMax + K1 * (1 - B))
      if (isWhole) whole += own
      else other = Math.max(other, own)
    }
    most[word] = Math.max(whole, other) * BOUND_SLACK
  }
  for (const { word } of heads) most[word]! *= HEAD_FACTOR
  for (let first = 0; first < words.length; first += TABLE_WORDS) {
    const table = (first / TABLE_WORDS) * TABLE_SIZE
    const count = Math.min(TABLE_WORDS, words.length - first)
    shares[table] = 0
    bounds[table] = 0
    for (let set = 1; set < 1 << count; set++) {
      const rest = set & (set - 1)
      const word = first + 31 - Math.clz32(set ^ rest)
      shares[table + set] = shares[table + rest]! + words[word]!.weight
      bounds[table + set] = bounds[table + rest]! + most[word]!
    }
  }
  if (words.length <= TABLE_WORDS)
    for (let set = 0; set < 1 << words.length; set++) limits[set] = boundOf(set, words.length, weightSum)
}

function boundOf(mark: number, wordCount: number, weightSum: number): number {
  let share = 0
  let bound = 0
  for (let table = 0, first = 0; first < wordCount; table += TABLE_SIZE, first += TABLE_WORDS) {
    const set = (mark >>> first) & (TABLE_SIZE - 1)
    share += shares[table + set]!
    bound += bounds[table + set]!
  }
  const part = share / weightSum
  return part * Math.sqrt(part) * bound
}

function coordinationOf(words: readonly ScoredWord[], weightSum: number): (mark: number) => number {
  const compute = (mark: number) => {
    let share = 0
    for (let word = 0; word < words.length; word++) if (mark & (1 << word)) share += words[word]!.weight
    return (share / weightSum) ** COORDINATION_POWER
  }
  rememberedMarks.fill(0)
  return (mark) => {
    const at = (Math.imul(mark, 0x9e3779b1) >>> 22) % REMEMBERED
    if (rememberedMarks[at] !== mark) {
      rememberedMarks[at] = mark
      coordinations[at] = compute(mark)
    }
    return coordinations[at]!
  }
}

function clearWindow(leafCount: number, rows: number, hasHeads: boolean): void {
  for (let i = 0; i < touchedCount; i++) marks[touched[i]!] = 0
  touchedCount = 0
  for (let at = 0; at < leafCount; at++) weights.fill(0, at * STRIDE, at * STRIDE + rows)
  if (hasHeads) headMarks.fill(0, 0, rows)
}

function openCursors({ terms }: Segment, [from, to]: readonly [number, number]): PostingCursor[] {
  const opened: PostingCursor[] = []
  for (let at = from; at < to; at++) {
    if (cursorsOpen === cursors.length) cursors.push(new PostingCursor())
    const cursor = cursors[cursorsOpen++]!
    terms.open(at, cursor)
    opened.push(cursor)
  }
  return opened
}

function countPostings({ terms }: Segment, [from, to]: readonly [number, number]): number {
  let count = 0
  for (let at = from; at < to; at++) count += terms.df(at)
  return count
}

function closeCursors(): void {
  while (cursorsOpen > 0) cursors[--cursorsOpen]!.close()
}
