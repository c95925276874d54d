/**
 * @file Items as similar items and recommendations read them: of the index in this isolate, or of its shards. What is read of an item has to be
 * loaded before; where it is in memory that costs nothing, and elsewhere it is one round of questions.
 */
import type { Manifest } from '../schema/manifest.ts'
import type { QueryTerm } from '../text/analyse.ts'
import { compileFilter, type Filter } from './filter.ts'
import type { Ranked } from './fusion.ts'
import { planAsWritten, searchPlanned } from './lexical.ts'
import type { DocMask, Index } from './load-index.ts'
import type { Display } from './source.ts'
import { statisticsOf } from './statistics.ts'
import { searchVector, vectorOf } from './vector.ts'
import { vectorFaultsOf } from './vector-faults.ts'

/** Which documents may be found. Plain data: a condition that crosses a process. */
export type Among = { inStock: boolean; excluded: ReadonlySet<number> }
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
  /** By vector, f32[dim], likewise. */
  near(vector: Float32Array, limit: number, among: Among): Ranked[] | Promise<Ranked[]>
  /** About so many documents from all over the shop, at most twice as many, in the order of the index, with their facts. */
  range(count: number): number[] | Promise<number[]>
  /** Parts of the index that the reply lacks, or knows by estimates: "shard-2-timeout", "vectors-estimated". */
  degraded(): string[]
  /** Did no part answer? */
  isDown(): boolean
}

export type Accept = (doc: number) => boolean

export const acceptAmong =
  (items: Pick<ItemSource, 'stock'>, { inStock, excluded }: Among): Accept =>
  (doc) =>
    !(inStock && items.stock(doc) === 0) && !excluded.has(doc)

const IN_STOCK: Filter = [{ kind: 'in-stock' }]

/** The same of all documents at once, as a search asks it. */
export function maskAmong(index: Index, { inStock, excluded }: Among): DocMask {
  const mask = inStock
    ? compileFilter(index, IN_STOCK).slice()
    : new Uint32Array((index.docCount + 31) >>> 5).fill(0xffffffff)
  for (const doc of excluded) mask[doc >>> 5]! &= ~(1 << (doc & 31))
  return mask
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
    near(vector, limit, among) {
      usesVectors = true
      return searchVector(index, vector, limit, maskAmong(index, among))
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
