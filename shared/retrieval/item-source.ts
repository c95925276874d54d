/**
 * @file Items as similar items and recommendations read them: of the index in this isolate, or of its shards. What is read of an item has to be
 * loaded before; where it is in memory that costs nothing, and elsewhere it is one round of questions.
 */
import type { Manifest } from '../schema/manifest.ts'
import type { QueryTerm } from '../text/analyse.ts'
import { dot } from '../vector/dot.ts'
import { type ChoiceRule, chooseVaried } from '../vector/plain-diversify.ts'
import { compileFilter, compileForFacts, type Filter } from './filter.ts'
import type { Ranked } from './fusion.ts'
import { planAsWritten, searchPlanned } from './lexical.ts'
import type { DocMask, Index } from './load-index.ts'
import { newestDocs } from './newest.ts'
import type { Display } from './source.ts'
import { statisticsOf } from './statistics.ts'
import { searchVectors, vectorOf } from './vector.ts'
import { vectorFaultsOf } from './vector-faults.ts'

/** Which documents may be found. Plain data: a condition that crosses a process. */
export type Among = {
  inStock: boolean
  excluded: ReadonlySet<number>
  filter?: Filter
}
export type Wanted = {
  /** Items whose facts are to be known, by id, by number and by document. */
  ids?: readonly string[]
  numbers?: readonly number[]
  docs?: readonly number[]
  /** Documents whose vector is to be known, and whose display is. */
  vectors?: readonly number[]
  displays?: readonly number[]
  /** Documents whose vector only chooses a reason: unknown where each costs a read. */
  reasonVectors?: readonly number[]
}

/** What is asked of a document: a row of the index in this isolate, or an item number where shards hold the rows. */
export type ItemSource = {
  readonly manifest: Manifest
  load(wanted: Wanted): void | Promise<void>
  /** Live document; undefined also for one that was not loaded. */
  docOfId(id: string): number | undefined
  docOfNumber(number: number): number | undefined
  number(doc: number): number
  stock(doc: number): number
  /** NaN when it is not known. */
  price(doc: number): number
  brand(doc: number): string
  category(doc: number): readonly string[]
  title(doc: number): string
  /** f32[dim], null when it has none. */
  vector(doc: number): Float32Array | null
  /** Null when its shard no longer answers. */
  display(doc: number): Display | null
  /** By words as an item has them: none is taken as mistyped. Best first, equal scores by item number. */
  matching(terms: readonly QueryTerm[], limit: number, among: Among): Ranked[] | Promise<Ranked[]>
  /** By each of up to four vectors, f32[dim], likewise. */
  near(vectors: readonly Float32Array[], limit: number, among: Among): Ranked[][] | Promise<Ranked[][]>
  /** Those that came to the shop last, newest first: item numbers grow with arrival. The score is the number. */
  newest(limit: number, among: Among): Ranked[] | Promise<Ranked[]>
  /** About so many documents from all over the shop, at most twice as many, in the order of the index, with their facts. */
  range(count: number): number[] | Promise<number[]>
  /** A varied list out of candidates: indices in the order of choice, see `ChoiceRule`. One without a vector is like no other. */
  vary(candidates: readonly Relevant[], rule: ChoiceRule, wanted: number): number[] | Promise<number[]>
  /** Parts of the index that the reply lacks, or knows by estimates: "shard-2-timeout", "vectors-estimated". */
  degraded(): string[]
  /** Did no part answer? */
  isDown(): boolean
}

/** `relevance` in [0, 1] */
export type Relevant = { doc: number; relevance: number }

export type Accept = (doc: number) => boolean

/** @param among with a filter of facts, if with any */
export function acceptAmong(items: ItemFactsSource, { inStock, excluded, filter = [] }: Among): Accept {
  const isStocked = (doc: number) => !(inStock && items.stock(doc) === 0) && !excluded.has(doc)
  if (filter.length === 0) return isStocked
  const passes = passesOf(items, filter)
  return (doc) => isStocked(doc) && passes(doc)
}

type ItemFactsSource = Pick<ItemSource, 'stock' | 'price' | 'brand' | 'category'>

/** @param filter of facts */
export function passesOf(items: ItemFactsSource, filter: Filter): Accept {
  const passes = compileForFacts(filter)
  return (doc) =>
    passes({
      price: items.price(doc),
      stock: items.stock(doc),
      brand: items.brand(doc),
      category: items.category(doc),
    })
}

const IN_STOCK: Filter = [{ kind: 'in-stock' }]

/** The same of all documents at once, as a search asks it. */
export function maskAmong(index: Index, { inStock, excluded, filter = [] }: Among): DocMask {
  const mask = inStock
    ? compileFilter(index, IN_STOCK).slice()
    : new Uint32Array((index.docCount + 31) >>> 5).fill(0xffffffff)
  if (filter.length > 0) {
    const passing = compileFilter(index, filter)
    for (let at = 0; at < mask.length; at++) mask[at]! &= passing[at]!
  }
  for (const doc of excluded) mask[doc >>> 5]! &= ~(1 << (doc & 31))
  return mask
}

/** `vary` where vectors are in no engine of this isolate. */
export function varyPlainly(
  candidates: readonly Relevant[],
  vectorOf: (doc: number) => Float32Array | null,
  rule: ChoiceRule,
  wanted: number,
): number[] {
  const vectors = candidates.map(({ doc }) => vectorOf(doc))
  const likeness = (a: number, b: number) => {
    const [left, right] = [vectors[a], vectors[b]]
    return left && right && left.length === right.length ? dot(left, right) : 0
  }
  const relevances = candidates.map(({ relevance }) => relevance)
  return chooseVaried(relevances, likeness, rule, wanted)
}

/** Every how many documents `range` takes one. */
export const rangeStep = (docCount: number, count: number): number =>
  Math.max(1, Math.floor(docCount / count))

/** For one request: it remembers whether vectors were used. */
export function createIndexItems(index: Index): ItemSource {
  let usesVectors = false
  return {
    manifest: index.manifest,
    load() {},
    docOfId: index.docOfId,
    docOfNumber: index.docOfNumber,
    number: index.number,
    stock: index.stock,
    price: index.price,
    brand: index.brand,
    category: index.category,
    title: index.title,
    vector(doc) {
      usesVectors = true
      return vectorOf(index, doc)
    },
    display: index.display,
    matching: (terms, limit, among) =>
      searchPlanned(index, planAsWritten(statisticsOf(index), terms), limit, maskAmong(index, among)).matches,
    near(vectors, limit, among) {
      usesVectors = true
      return searchVectors(index, vectors, limit, maskAmong(index, among))
    },
    newest: (limit, among) => newestDocs(index, limit, maskAmong(index, among)),
    vary(candidates, rule, wanted) {
      usesVectors = true
      const located = candidates.map(({ doc, relevance }) => ({ ...index.locate(doc), relevance }))
      return index.engine.choose(located, rule, wanted)
    },
    range(count) {
      const docs: number[] = []
      const step = rangeStep(index.docCount, count)
      for (let doc = 0; doc < index.docCount; doc += step) if (index.live[doc] === 1) docs.push(doc)
      return docs
    },
    degraded: () => (usesVectors ? vectorFaultsOf(index) : []),
    isDown: () => false,
  }
}
