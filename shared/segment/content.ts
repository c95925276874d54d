/** @file What a segment holds before it is bytes, and how items become it: rows and postings. */
import type { BatchRow } from '../schema/jobs.ts'
import { analyse } from '../text/analyse.ts'
import { headsOf, nounPhrases } from '../text/heads.ts'
import { foldText } from '../text/normalise.ts'
import type { QuantisedVector } from '../vector/quantise.ts'

/** One row; `live` false is a tombstone: it hides older rows of its number and is never an answer. */
export type SegmentRow = {
  number: number
  version: number
  live: boolean
  contentHash: string
  id: string
  title: string
  brand: string
  category: readonly string[]
  price: number | null
  currency: string | null
  stock: number | null
  image: string
  url: string
  /** Weighted document length in half words, the same unit as posting weights. */
  length: number
  vector: QuantisedVector | null
}
/** Rows ascending, and the weighted term frequency of each, in half words, 1 to 255. */
export type Postings = { rows: number[]; weights: number[] }
export type SegmentContent = { dim: number; rows: SegmentRow[]; postings: Map<string, Postings> }

/**
 * Field weights in half words: a word in the title counts as much as six in the attributes, and the noun of the category more
 * still, because it says what the thing is ("notebook" is a Notebook before it is a case for one). `categoryNoun` comes on
 * top of `category`.
 * Source: the linear combination of term frequencies, Robertson, Zaragoza, Taylor, CIKM 2004.
 */
const FIELD_WEIGHTS = {
  title: 6,
  brand: 4,
  category: 4,
  categoryNoun: 6,
  description: 2,
  attributes: 1,
} as const
const WEIGHT_MAX = 255
/** Attribute values beyond this are prose, not facets. */
const FACET_CHARS_MAX = 80
const PHRASE_WORDS_MAX = 3
const PHRASE_CHARS_MAX = 40
const DESCRIPTION_CHARS_INDEXED = 2_000

/** Exact-match terms live in the same dictionary under marks that no analysed term starts with. */
export const idTerm = (id: string): string => `#${id}`
export const facetTerm = (name: string, value: string): string =>
  `=${foldText(name).trim()}=${foldText(value).trim()}`

/** A noun that says what the item is; `term` as `analyse` gives it. */
export const headTerm = (term: string): string => `^${term}`

/** What a shopper may be offered while typing; `phrase` folded, words with one space between them. */
export const phraseTerm = (phrase: string): string => `>${phrase}`

/** Build rows and postings for the newest rows of a delta. A row without an item becomes a tombstone. */
export function contentOf(
  rows: readonly { row: BatchRow; vector: QuantisedVector | null }[],
  dim: number,
): SegmentContent {
  const postings = new Map<string, Postings>()
  const segmentRows = rows.map(({ row, vector }, at): SegmentRow => {
    const { item } = row
    if (!item) return tombstone(row)
    const weights = weightedTerms(item)
    const length = headLength(item)
    for (const term of exactTerms(item)) addPosting(postings, term, at, 1)
    for (const [term, weight] of weights) addPosting(postings, term, at, Math.min(WEIGHT_MAX, weight))
    const { id, title, brand, category, price, currency, stock, image, url } = item
    return {
      ...{ number: row.number, version: row.version, live: true, contentHash: row.contentHash },
      ...{ id, title, brand, category, price, currency, stock, image, url, length, vector },
    }
  })
  return { dim, rows: segmentRows, postings }
}

const tombstone = ({ number, version, contentHash }: BatchRow): SegmentRow => ({
  ...{ number, version, contentHash, live: false, id: '', title: '', brand: '', category: [] },
  ...{ price: null, currency: null, stock: null, image: '', url: '', length: 0, vector: null },
})

type Item = NonNullable<BatchRow['item']>

/**
 * What BM25 divides by: the length of title, brand and category. Descriptions and attributes are left out, else an item
 * would be punished for being described well.
 */
const headLength = ({ title, brand, category }: Item): number =>
  analyse(title).length * FIELD_WEIGHTS.title +
  analyse(brand).length * FIELD_WEIGHTS.brand +
  analyse(category.join(' ')).length * FIELD_WEIGHTS.category +
  analyse(categoryNouns(category)).length * FIELD_WEIGHTS.categoryNoun

/** What the innermost category says that its items are: "Speakers", and "cover" of "Keyboard cover". */
const categoryNouns = (category: readonly string[]): string => headsOf(category.at(-1) ?? '').join(' ')

function weightedTerms(item: Item): Map<string, number> {
  const weights = new Map<string, number>()
  const add = (text: string, weight: number) => {
    for (const term of analyse(text)) weights.set(term, (weights.get(term) ?? 0) + weight)
  }
  add(item.title, FIELD_WEIGHTS.title)
  add(item.brand, FIELD_WEIGHTS.brand)
  add(item.category.join(' '), FIELD_WEIGHTS.category)
  add(categoryNouns(item.category), FIELD_WEIGHTS.categoryNoun)
  add(item.description.slice(0, DESCRIPTION_CHARS_INDEXED), FIELD_WEIGHTS.description)
  // Of a yes-or-no attribute the name is the word: { bluetooth: true }.
  for (const [name, value] of Object.entries(item.attributes))
    if (value === true) add(name.replaceAll('_', ' '), FIELD_WEIGHTS.attributes)
    else if (value !== false)
      add(Array.isArray(value) ? value.join(' ') : String(value), FIELD_WEIGHTS.attributes)
  // The id is how staff and repeat buyers look a product up; it matches as a word of its own too.
  for (const term of analyse(item.id)) if (!weights.has(term)) weights.set(term, FIELD_WEIGHTS.attributes)
  return weights
}

function exactTerms(item: Item): Set<string> {
  const terms = new Set([idTerm(item.id)])
  const nouns = [...headsOf(item.title, item.brand), categoryNouns(item.category)]
  for (const term of analyse(nouns.join(' '))) terms.add(headTerm(term))
  for (const phrase of phrasesOf(item)) terms.add(phraseTerm(phrase))
  const facet = (name: string, value: string) => {
    if (value !== '' && value.length <= FACET_CHARS_MAX) terms.add(facetTerm(name, value))
  }
  facet('brand', item.brand)
  for (const level of item.category) facet('category', level)
  for (const [name, value] of Object.entries(item.attributes))
    for (const one of Array.isArray(value) ? value : [value]) facet(name, String(one))
  return terms
}

/**
 * Ways to ask for an item, as its title, category and brand name it: "bluetooth speaker" and "speaker" of "portable bluetooth
 * speaker black". Longer ones are of one item only, and nobody would be helped by their sum.
 */
function phrasesOf({ title, brand, category }: Item): Set<string> {
  const phrases = new Set<string>()
  const add = (words: readonly string[]) => {
    const phrase = words.join(' ')
    if (phrase !== '' && phrase.length <= PHRASE_CHARS_MAX) phrases.add(phrase)
  }
  for (const words of nounPhrases(title, brand))
    for (let from = Math.max(0, words.length - PHRASE_WORDS_MAX); from < words.length; from++)
      add(words.slice(from))
  add(wordsOf(category.at(-1) ?? ''))
  add(wordsOf(brand))
  return phrases
}

const wordsOf = (text: string): string[] => foldText(text).split(/\s+/).filter(Boolean)

/** Rows arrive in ascending order, so that lists are sorted as they grow. */
export function addPosting(postings: Map<string, Postings>, term: string, row: number, weight: number): void {
  const list = postings.get(term)
  if (list) {
    list.rows.push(row)
    list.weights.push(weight)
  } else postings.set(term, { rows: [row], weights: [weight] })
}
