/**
 * @file What a shopper may be about to type: past searches, and phrases by which the titles, categories and brands of the index name
 * things. Phrases are terms of the dictionary (see `phraseTerm`), so that no second structure is kept in memory for them.
 */
import { phraseTerm } from '../segment/content.ts'
import { lowerBound, type SortedTerms } from '../segment/dictionary.ts'
import { findBegun } from '../segment/near-terms.ts'
import { PostingCursor } from '../segment/postings.ts'
import { analyse } from '../text/analyse.ts'
import { foldText } from '../text/normalise.ts'
import type { Index } from './load-index.ts'
import { LENGTH_MIN } from './spelling.ts'

/** Phrases that one beginning may open in a segment. */
const PHRASES_MAX = 20_000

/** `count` orders: searches by shoppers for a past one, items for a phrase. */
export type PastQuery = readonly [text: string, count: number]
type Phrase = { text: string; count: number }

/**
 * Completions of what is typed, at most `limit`: past searches first, then phrases of the most items. When there is none, it may be
 * mistyped; and when the first words lead nowhere, the last ones are completed behind them.
 *
 * @param past what many shoppers searched for, most first
 */
export function suggest(index: Index, typed: string, limit: number, past: readonly PastQuery[]): string[] {
  const asked = restsOf(typed, limit, past)
  return mergeSuggestions(asked, past, [tellCompletions(index, asked)])
}

/** What the parts of an index are asked. Plain data, as the answer is. */
export type CompletionsAsked = {
  limit: number
  /** What may be completed, behind the text before it; the first that leads anywhere counts. */
  rests: { before: string; text: string }[]
  /** Past searches complete the last of them, so that it is not taken for mistyped. */
  isLastKnown: boolean
}
/** The first rest for which this part has phrases, null when there is none. `near`: of mistyped ones, when none begins so. */
export type CompletionsTold = { rest: number; begun: Phrase[]; near: Phrase[] } | null

export function restsOf(typed: string, limit: number, past: readonly PastQuery[]): CompletionsAsked {
  const whole = foldText(typed).trimStart().replace(/\s+/g, ' ')
  const rests: CompletionsAsked['rests'] = []
  for (let from = 0; from < whole.length; ) {
    const text = whole.slice(from)
    rests.push({ before: whole.slice(0, from), text })
    if (begunPast(past, text).length > 0) return { limit, rests, isLastKnown: true }
    const space = text.indexOf(' ')
    if (space < 0) break
    from += space + 1
  }
  return { limit, rests, isLastKnown: false }
}

export function tellCompletions(
  index: Index,
  { limit, rests, isLastKnown }: CompletionsAsked,
): CompletionsTold {
  for (const [rest, { text }] of rests.entries()) {
    const begun = begunPhrases(index, text, limit)
    if (begun.length > 0) return { rest, begun, near: [] }
    if (isLastKnown && rest === rests.length - 1) return null
    const near = nearPhrases(index, text, limit)
    if (near.length > 0) return { rest, begun, near }
  }
  return null
}

/** What all parts know: none has phrases for a rest before the first that any has. */
export function mergeSuggestions(
  { limit, rests, isLastKnown }: CompletionsAsked,
  past: readonly PastQuery[],
  parts: readonly CompletionsTold[],
): string[] {
  const told = parts.filter((part) => part !== null)
  const first = Math.min(...told.map(({ rest }) => rest), isLastKnown ? rests.length - 1 : rests.length)
  const completed = rests[first]
  if (!completed) return []
  const own = told.filter(({ rest }) => rest === first)
  const isPast = isLastKnown && first === rests.length - 1
  const begun = mostItems(
    own.flatMap((part) => part.begun),
    limit,
  )
  const known = [...(isPast ? begunPast(past, completed.text) : []), ...begun]
  const near = () =>
    mostItems(
      own.flatMap((part) => part.near),
      limit,
    )
  const suggestions = new Map<string, string>()
  for (const phrase of known.length > 0 ? known : near()) {
    const whole = completed.before + phrase
    // "speaker" and "speakers" ask for the same.
    const key = analyse(whole).join(' ') || whole
    if (suggestions.size < limit && !suggestions.has(key)) suggestions.set(key, whole)
  }
  return [...suggestions.values()]
}

/** The texts that name the most items, twice as many as are wanted: some ask for the same. */
function mostItems(phrases: readonly Phrase[], limit: number): string[] {
  const counts = new Map<string, number>()
  for (const { text, count } of phrases) counts.set(text, (counts.get(text) ?? 0) + count)
  return [...counts]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([text]) => text)
    .slice(0, 2 * limit)
}

const begunPast = (past: readonly PastQuery[], text: string): string[] =>
  past.filter(([query]) => query.startsWith(text)).map(([query]) => query)

function begunPhrases(index: Index, text: string, limit: number): Phrase[] {
  const begun = phraseTerm(text)
  return bestPhrases(index, limit, ({ terms }, open) => {
    const [from, to] = terms.range(begun, PHRASES_MAX)
    open(from, to)
  })
}

/** Beginnings of another length are told apart by fewer letters, so as many errors are borne as in a whole word. */
function nearPhrases(index: Index, text: string, limit: number): Phrase[] {
  const letters = text.replaceAll(' ', '').length
  if (letters < LENGTH_MIN[1]) return []
  const begun = phraseTerm(text)
  return bestPhrases(index, limit, ({ terms }, open) => {
    const range = phraseRange(terms)
    findBegun(terms, range, begun, letters < LENGTH_MIN[2] ? 1 : 2, (from, _, to) => open(from, to))
  })
}

const encoder = new TextEncoder()
const FIRST = encoder.encode(phraseTerm(''))
/** Behind all phrases: the next byte. */
const BEHIND = Uint8Array.from(FIRST, (byte) => byte + 1)
const phraseRange = (terms: SortedTerms): [number, number] => [
  lowerBound(terms, FIRST),
  lowerBound(terms, BEHIND),
]

type Segment = Index['segments'][number]['segment']

/** Of the phrases that `visit` opens in each segment those of the most items, of which one at least is alive. */
const bestPhrases = (
  index: Index,
  limit: number,
  visit: (segment: Segment, open: (from: number, to: number) => void) => void,
): Phrase[] =>
  index.segments.flatMap(({ segment, base }) => mostFrequent(index, segment, base, 2 * limit, visit))

function mostFrequent(
  index: Index,
  segment: Segment,
  base: number,
  limit: number,
  visit: (segment: Segment, open: (from: number, to: number) => void) => void,
): Phrase[] {
  const { terms } = segment
  const opened: { at: number; count: number }[] = []
  visit(segment, (from, to) => {
    for (let at = from; at < to; at++) opened.push({ at, count: terms.df(at) })
  })
  const phrases: Phrase[] = []
  for (const { at, count } of opened.sort((a, b) => b.count - a.count || a.at - b.at)) {
    if (phrases.length === limit) break
    if (hasLive(index, terms, at, base)) phrases.push({ text: terms.term(at).slice(FIRST.length), count })
  }
  return phrases
}

/** Is one of the first rows alive? More are not looked at. */
function hasLive({ live }: Index, terms: Segment['terms'], at: number, base: number): boolean {
  const cursor = new PostingCursor()
  terms.open(at, cursor)
  for (let i = 0; i < cursor.count; i++) if (live[base + cursor.rows[i]!] === 1) return true
  return false
}
