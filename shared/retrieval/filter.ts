/**
 * @file The filter language of search:  `price<100 AND brand="HP" AND inStock`.
 *
 *   filter     = condition *( ( "AND" | "," ) condition )
 *   condition  = "inStock" | ( "price" | "stock" ) ( "<" | "<=" | ">" | ">=" | "=" ) number | name ( "=" | "!=" ) value
 *   value      = "quoted text" | text without blanks and commas
 *
 * `category` matches any level of the path; other names are attributes. Case, accents and width do not matter.
 */
import { err, ok, type Result } from '../lib/result.ts'
import { facetTerm } from '../segment/content.ts'
import type { Index } from './load-index.ts'

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

/** A test of live documents. Facets become one bit set each, filled from their posting lists; cost is their length. */
export function compileFilter(index: Index, filter: Filter): (doc: number) => boolean {
  const tests = filter.map((condition) => testOf(index, condition))
  return (doc) => tests.every((test) => test(doc))
}

function testOf(index: Index, condition: Condition): (doc: number) => boolean {
  if (condition.kind === 'in-stock') return (doc) => index.stock(doc) !== 0
  if (condition.kind === 'range') {
    const compare = comparisons[condition.op]
    const read = condition.field === 'price' ? index.price : index.stock
    // An unknown stock (-1) is no number of pieces; an unknown price is NaN and fails every comparison by itself.
    return (doc) => (condition.field === 'price' || read(doc) >= 0) && compare(read(doc), condition.value)
  }
  const members = new Uint8Array(index.docCount)
  const term = facetTerm(condition.name, condition.value)
  for (const { segment, base } of index.segments) {
    const at = segment.terms.find(term)
    if (at >= 0) for (const row of segment.terms.postings(at).rows) members[base + row] = 1
  }
  return condition.negated ? (doc) => members[doc] === 0 : (doc) => members[doc] === 1
}

const comparisons: Record<Comparison | '=' | '!=', (a: number, b: number) => boolean> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b && !Number.isNaN(a),
}
