/** @file Counts of brands, categories and prices over the matches of a search, from the columns of the segments. */
import type { FacetName, Facets, Hit } from '../schema/replies.ts'
import type { Segment } from '../segment/decode.ts'
import { CATEGORY_SEPARATOR } from '../segment/encode.ts'
import type { Index } from './load-index.ts'

const VALUES_MAX = 20
const RANGES_MAX = 6
/** Bounds that people read easily: 0, then 1, 2 and 5 times the powers of ten from a hundredth to ten millions. */
const PRICE_BOUNDS = Float64Array.from([
  0,
  ...Array.from({ length: 10 }, (_, i) => 10 ** (i - 2)).flatMap((power) =>
    [1, 2, 5].map((digit) => Number((digit * power).toPrecision(1))),
  ),
])

/** Counts of one part of an index, whole: parts add up, their shortened lists would not. Plain data. */
export type FacetTally = {
  brand?: ReadonlyMap<string, number>
  /** By path, levels joined as in the file. */
  category?: ReadonlyMap<string, number>
  /** By the bounds of prices, and the highest price. */
  price?: { counts: Uint32Array; highest: number }
}

/**
 * @param seen u8[docCount], 1 for every match
 *
 * Cost: a pass over `seen` for each facet
 */
export function tallyFacets(index: Index, seen: Uint8Array, names: readonly FacetName[]): FacetTally {
  const tally: FacetTally = {}
  if (names.includes('brand')) tally.brand = countTexts(index, seen, 'brand')
  if (names.includes('category')) tally.category = countTexts(index, seen, 'category')
  if (names.includes('price')) tally.price = countPrices(index, seen)
  return tally
}

/** Parts of an index together. Of the names asked for, each part has all. */
export function addTallies(tallies: readonly FacetTally[]): FacetTally {
  const sum: FacetTally = {}
  for (const { brand, category, price } of tallies) {
    if (brand) sum.brand = addCounts(sum.brand, brand)
    if (category) sum.category = addCounts(sum.category, category)
    if (price)
      sum.price = {
        counts: price.counts.map((count, at) => count + (sum.price?.counts[at] ?? 0)),
        highest: Math.max(price.highest, sum.price?.highest ?? 0),
      }
  }
  return sum
}

function addCounts(
  a: ReadonlyMap<string, number> = new Map(),
  b: ReadonlyMap<string, number>,
): Map<string, number> {
  const sum = new Map(a)
  for (const [value, count] of b) sum.set(value, (sum.get(value) ?? 0) + count)
  return sum
}

/** Counts of items of which no more is known than what they show. */
export function tallyItems(
  items: readonly Pick<Hit, 'brand' | 'category' | 'price'>[],
  names: readonly FacetName[],
): FacetTally {
  const count = (texts: readonly string[]) => {
    const counts = new Map<string, number>()
    for (const text of texts) if (text !== '') counts.set(text, (counts.get(text) ?? 0) + 1)
    return counts
  }
  const tally: FacetTally = {}
  if (names.includes('brand')) tally.brand = count(items.map(({ brand }) => brand))
  if (names.includes('category'))
    tally.category = count(items.map(({ category }) => category.join(CATEGORY_SEPARATOR)))
  if (names.includes('price')) {
    const price = Float64Array.from(items, (item) => item.price ?? Number.NaN)
    const counts = new Uint32Array(PRICE_BOUNDS.length)
    const all = new Uint8Array(items.length).fill(1)
    tally.price = { counts, highest: countSegment({ rows: items.length, price }, 0, all, counts) }
  }
  return tally
}

/** What a reply shows of a tally. */
export function facetsOf({ brand, category, price }: FacetTally): Facets {
  return {
    ...(brand ? { brand: mostFrequent(brand).map(([value, count]) => ({ value, count })) } : {}),
    ...(category ? { category: categoryLevels(category) } : {}),
    ...(price ? { price: priceRanges(price) } : {}),
  }
}

/** Matches by distinct text of a column. */
function countTexts(index: Index, seen: Uint8Array, name: 'brand' | 'category'): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { segment, base } of index.segments) {
    const { codes, values, value } = segment.facets[name]
    const own = new Uint32Array(values)
    for (let row = 0; row < segment.rows; row++) own[codes[row]!]! += seen[base + row]!
    own.forEach((count, code) => {
      if (count > 0) counts.set(value(code), (counts.get(value(code)) ?? 0) + count)
    })
  }
  counts.delete('')
  return counts
}

/** Most first, equals by name. */
const mostFrequent = (counts: ReadonlyMap<string, number>): [string, number][] =>
  [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, VALUES_MAX)

function categoryLevels(paths: ReadonlyMap<string, number>): NonNullable<Facets['category']> {
  const levels = new Map<string, number>()
  for (const [joined, count] of paths) {
    const path = joined.split(CATEGORY_SEPARATOR)
    for (let depth = 1; depth <= path.length; depth++) {
      const level = path.slice(0, depth).join(CATEGORY_SEPARATOR)
      levels.set(level, (levels.get(level) ?? 0) + count)
    }
  }
  return mostFrequent(levels).map(([joined, count]) => {
    const path = joined.split(CATEGORY_SEPARATOR)
    return { value: path.at(-1)!, path, count }
  })
}

function countPrices(index: Index, seen: Uint8Array): NonNullable<FacetTally['price']> {
  const counts = new Uint32Array(PRICE_BOUNDS.length)
  let highest = 0
  for (const { segment, base } of index.segments)
    highest = Math.max(highest, countSegment(segment, base, seen, counts))
  return { counts, highest }
}

function priceRanges({ counts, highest }: NonNullable<FacetTally['price']>): Range[] {
  const ranges = [...counts].map((count, at) => ({
    from: PRICE_BOUNDS[at]!,
    // The last one takes what lies beyond all bounds.
    to: PRICE_BOUNDS[at + 1] ?? 10 ** Math.ceil(Math.log10(highest + 1)),
    count,
  }))
  const first = ranges.findIndex(({ count }) => count > 0)
  if (first < 0) return []
  const last = ranges.findLastIndex(({ count }) => count > 0)
  return joinSmallest(ranges.slice(first, last + 1))
}

/** Adds the prices of one segment; returns the highest. */
function countSegment(
  { rows, price }: Pick<Segment, 'rows' | 'price'>,
  base: number,
  seen: Uint8Array,
  counts: Uint32Array,
): number {
  let highest = 0
  for (let row = 0; row < rows; row++) {
    const own = price[row]!
    // An unknown price is NaN and fails the comparison.
    if (seen[base + row] === 0 || !(own >= 0)) continue
    if (own > highest) highest = own
    let low = 0
    let high = PRICE_BOUNDS.length
    while (low + 1 < high) {
      const middle = (low + high) >>> 1
      if (PRICE_BOUNDS[middle]! <= own) low = middle
      else high = middle
    }
    counts[low]!++
  }
  return highest
}

type Range = { from: number; to: number; count: number }

/** Neighbours with the fewest items together become one, until there are few enough. */
function joinSmallest(ranges: readonly Range[]): Range[] {
  const joined = [...ranges]
  while (joined.length > RANGES_MAX) {
    let least = 0
    for (let at = 1; at + 1 < joined.length; at++)
      if (joined[at]!.count + joined[at + 1]!.count < joined[least]!.count + joined[least + 1]!.count)
        least = at
    const [a, b] = joined.splice(least, 2) as [Range, Range]
    joined.splice(least, 0, { from: a.from, to: b.to, count: a.count + b.count })
  }
  return joined
}
