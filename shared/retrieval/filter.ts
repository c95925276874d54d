/**
 * @file The filter language of search:  `price<100 AND brand="HP" AND inStock`.
 *
 *   filter     = condition *( ( "AND" | "," ) condition )
 *   condition  = "inStock" | ( "price" | "stock" ) ( "<" | "<=" | ">" | ">=" | "=" ) number | name ( "=" | "!=" ) value
 *   value      = "quoted text" | text without blanks and commas
 *
 * `category` matches any level of the path; other names are attributes. Case, accents and width do not matter.
 */
import { assert, err, ok, type Result } from '../lib/result.ts'
import { facetTerm } from '../segment/content.ts'
import { foldText } from '../text/normalise.ts'
import type { DocMask, Index, PlacedSegment } from './load-index.ts'

export const FILTER_CHARS_MAX = 1_000
const CONDITIONS_MAX = 20

type Comparison = '<' | '<=' | '>' | '>='
export type Condition =
  | { kind: 'in-stock' }
  | { kind: 'range'; field: 'price' | 'stock'; op: Comparison | '=' | '!='; value: number }
  | { kind: 'facet'; name: string; value: string; negated: boolean }
export type Filter = readonly Condition[]
/** `position` counts characters from 0. */
export type FilterError = { position: number; message: string }

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(<=|>=|!=|<|>|=)|(,)|([^\s,<>=!"]+)|(\S))/uy

type Token = { kind: 'text' | 'quoted' | 'op' | 'comma' | 'bad'; text: string; position: number }

export function parseFilter(text: string): Result<Filter, FilterError> {
  const tokens = tokenise(text)
  const end: Token = { kind: 'bad', text: '', position: text.length }
  const conditions: Condition[] = []
  let at = 0
  const fail = (token: Token, message: string) => err({ position: token.position, message })
  for (;;) {
    const name = tokens[at++] ?? end
    if (name.kind !== 'text' && name.kind !== 'quoted') return fail(name, 'expected a field name')
    const op = tokens[at]
    if (op?.kind !== 'op') {
      if (name.text.toLowerCase() !== 'instock')
        return fail(op ?? end, `expected <, <=, >, >=, = or != after "${name.text}"`)
      conditions.push({ kind: 'in-stock' })
    } else {
      const value = tokens[at + 1] ?? end
      at += 2
      if (value.kind !== 'text' && value.kind !== 'quoted') return fail(value, 'expected a value')
      const condition = conditionOf(name.text, op.text, value.text)
      if (typeof condition === 'string') return fail(value, condition)
      conditions.push(condition)
    }
    if (conditions.length > CONDITIONS_MAX) return fail(name, `more than ${CONDITIONS_MAX} conditions`)
    const joint = tokens[at++]
    if (joint === undefined) return ok(conditions)
    if (joint.kind !== 'comma' && !(joint.kind === 'text' && joint.text.toUpperCase() === 'AND'))
      return fail(joint, 'expected AND or a comma between conditions')
  }
}

function tokenise(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [whole, quoted, op, comma, word, bad] = match
    const raw = quoted ?? op ?? comma ?? word ?? bad ?? ''
    const kind =
      quoted !== undefined ? 'quoted' : op ? 'op' : comma ? 'comma' : word !== undefined ? 'text' : 'bad'
    const value = quoted === undefined ? raw : quoted.slice(1, -1).replace(/\\(.)/gu, '$1')
    tokens.push({ kind, text: value, position: match.index + whole.length - raw.length })
  }
  return tokens
}

function conditionOf(name: string, op: string, value: string): Condition | string {
  const field = name.toLowerCase()
  if (field === 'price' || field === 'stock') {
    const number = Number(value)
    if (value.trim() === '' || !Number.isFinite(number)) return `"${value}" is not a number`
    return { kind: 'range', field, op: op as Comparison, value: number }
  }
  if (op !== '=' && op !== '!=') return `only price and stock can be compared with ${op}`
  return { kind: 'facet', name, value, negated: op === '!=' }
}

/** What is known of an item without an index: attributes are not. */
export type FilterFacts = { price: number; stock: number; brand: string; category: readonly string[] }

/** Does it ask for nothing but `FilterFacts`? */
export const isOfFacts = (filter: Filter): boolean =>
  filter.every((condition) => condition.kind !== 'facet' || factNameOf(condition.name) !== null)

const factNameOf = (name: string): 'brand' | 'category' | null => {
  const folded = fold(name)
  return folded === 'brand' || folded === 'category' ? folded : null
}
const fold = (text: string): string => foldText(text).trim()

/** `compileFilter` for single items: a filter of facts, made ready for many of them. */
export function compileForFacts(filter: Filter): (facts: FilterFacts) => boolean {
  const tests = filter.map((condition): ((facts: FilterFacts) => boolean) => {
    if (condition.kind === 'in-stock') return ({ stock }) => stock !== 0
    if (condition.kind === 'range') {
      const { field, op, value } = condition
      return (facts) => passes(facts[field], op, value)
    }
    const name = factNameOf(condition.name)
    assert(name, `"${condition.name}" is no fact`)
    const wanted = fold(condition.value)
    // Folding costs more than all else here, and the same few texts come again and again.
    const folded = new Map<string, boolean>()
    const isWanted = (text: string) => {
      const known = folded.get(text) ?? (text !== '' && fold(text) === wanted)
      folded.set(text, known)
      return known
    }
    const has = (facts: FilterFacts) =>
      name === 'brand' ? isWanted(facts.brand) : facts.category.some(isWanted)
    return (facts) => has(facts) !== condition.negated
  })
  return (facts) => tests.every((test) => test(facts))
}

/** Filters of the last searches, by index. */
const kept = new WeakMap<Index, Map<string, DocMask>>()
const FILTERS_KEPT_MAX = 32

/**
 * The live documents that pass, a bit each. Shoppers turn pages and change words under the same filter, so the last ones are
 * kept: not to be changed.
 *
 * Cost: of a filter that is not kept, a pass over the documents for each condition
 */
export function compileFilter(index: Index, filter: Filter): DocMask {
  const filters = kept.get(index) ?? new Map<string, DocMask>()
  kept.set(index, filters)
  const key = JSON.stringify(filter)
  const bits = filters.get(key) ?? passingDocs(index, filter)
  // Entries of a map are in the order in which they were set: the first is the one that was longest unused.
  filters.delete(key)
  for (const [oldest] of filters) if (filters.size >= FILTERS_KEPT_MAX) filters.delete(oldest)
  filters.set(key, bits)
  return bits
}

function passingDocs(index: Index, filter: Filter): DocMask {
  const bits = new Uint32Array((index.docCount + 31) >>> 5).fill(0xffffffff)
  for (const condition of filter) {
    const own = new Uint32Array(bits.length)
    for (const placed of index.segments) markPassing(placed, condition, own)
    const flip = condition.kind === 'facet' && condition.negated ? 0xffffffff : 0
    for (let at = 0; at < bits.length; at++) bits[at]! &= own[at]! ^ flip
  }
  return bits
}

/** Sets the bits of the documents of a segment that pass, or that a negated condition names. */
function markPassing({ segment, base }: PlacedSegment, condition: Condition, bits: DocMask): void {
  const { price, stock, terms } = segment
  const mark = (doc: number) => {
    bits[doc >>> 5]! |= 1 << (doc & 31)
  }
  if (condition.kind === 'facet') {
    const at = terms.find(facetTerm(condition.name, condition.value))
    if (at >= 0) for (const row of terms.postings(at).rows) mark(base + row)
  } else if (condition.kind === 'in-stock') {
    for (let row = 0; row < segment.rows; row++) if (stock[row] !== 0) mark(base + row)
  } else {
    const { field, op, value } = condition
    const column = field === 'price' ? price : stock
    for (let row = 0; row < segment.rows; row++) if (passes(column[row]!, op, value)) mark(base + row)
  }
}

/** An unknown price is NaN and passes nothing; an unknown stock (-1) is no number of pieces. */
function passes(a: number, op: Comparison | '=' | '!=', b: number): boolean {
  if (!(a >= 0)) return false
  switch (op) {
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    case '=':
      return a === b
    case '!=':
      return a !== b
  }
}
