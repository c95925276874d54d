/**
 * @file Approximate search over one bit for each component: the sign of what a vector differs from the mean of its segment.
 *
 *   r = x − μ,   b = sign(r) ∈ {−1, +1}ᵈ,   gain = ‖r‖² / ‖r‖₁
 *   ⟨q, x⟩  ≈  ⟨q, μ⟩ + gain · ⟨q, b⟩          ⟨q, μ⟩ is the same for every row and left out
 *
 * Signs of 4 components are a number below 16, and ⟨q, b⟩ is a sum of table entries, one for each 4. A byte shuffle looks up 16
 * entries at once, so that rows are stored in blocks of 16, byte by byte:
 *
 *   block w   rows 16 w … 16 w + 15, 2 · dim bytes
 *   line l    16 bytes; byte t = signs of components 8 l … 8 l + 7 of row t, the first in the lowest bit, 1 for plus
 *
 * The step of table entries is such that the 16 entries of 64 components fit in a byte, before sums go on in 16 bits.
 *
 * Source: André, Kermarrec, Le Scouarnec, "Cache locality is not enough: … product quantization fast scan", VLDB 2015, for the
 * shuffle; Gao, Long, "RaBitQ", SIGMOD 2024, for centred signs and the gain.
 */
import { BIAS } from './dot'
import { Candidates, Part, Query } from './layout'

/** Components whose entries are summed in a byte: 8 lines of a block. */
const WINDOW: usize = 64
/** Of the 16 entries of a window before they are rounded, each of them up by ½ at most. */
const SUM_MAX: f32 = 255 - 8

/**
 * Signs and gains of every row.
 *
 * @param mean  f32[dim], of the components
 * @param gains f32[rows], written; 0 for a row without a vector
 */
export function encodeSigns(part: Part, mean: usize, gains: usize): void {
  const dim = <usize>part.dim
  for (let row: usize = 0; row < <usize>part.rows; row++) {
    const scale = load<f32>(part.scales + (row << 2))
    const codes = part.codes + row * dim
    let target = part.signs + (row >> 4) * 2 * dim + (row & 15)
    let sum = f32x4.splat(0)
    let squares = sum
    for (let at: usize = 0; at < dim; at += 8, target += 16) {
      const low = difference(codes + at, scale, mean + (at << 2))
      const high = difference(codes + at + 4, scale, mean + (at << 2) + 16)
      store<u8>(target, signsOf(low) | (signsOf(high) << 4))
      sum = f32x4.add(sum, f32x4.add(f32x4.abs(low), f32x4.abs(high)))
      squares = f32x4.add(squares, f32x4.add(f32x4.mul(low, low), f32x4.mul(high, high)))
    }
    const total = sumLanes(sum)
    store<f32>(gains + (row << 2), scale > 0 && total > 0 ? sumLanes(squares) / total : 0)
  }
}

/** x − μ of four components. */
@inline
function difference(codes: usize, scale: f32, mean: usize): v128 {
  const wide = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(codes)))
  const values = f32x4.convert_i32x4_s(i32x4.sub(wide, i32x4.splat(BIAS)))
  return f32x4.sub(f32x4.mul(values, f32x4.splat(scale)), v128.load(mean))
}

@inline
function signsOf(r: v128): u32 {
  return <u32>i32x4.bitmask(f32x4.gt(r, f32x4.splat(0)))
}

function sumLanes(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  )
}

/** Σ |value| of a group of 4. */
function weightOf(values: usize): i32 {
  return (
    abs(<i32>load<i8>(values)) + abs(<i32>load<i8>(values, 1)) + abs(<i32>load<i8>(values, 2)) + abs(<i32>load<i8>(values, 3))
  )
}

/** Query values that one step of a table entry stands for; 0 for the zero query. */
export function stepOf(query: Query, dim: u32): f32 {
  let most = 0
  for (let from: usize = 0; from < <usize>dim; from += WINDOW) {
    let weight = 0
    for (let at = from; at < from + WINDOW; at += 4) weight += weightOf(query.values + at)
    most = max(most, weight)
  }
  return (2 * <f32>most) / SUM_MAX
}

/**
 *   entry[g][n] = round( (Σⱼ ±value + Σⱼ |value|) / step ),   + where bit j of n is set
 *
 * @param table u8[dim / 4, 16], written
 * @returns what the entries of a row sum up to where ⟨q, b⟩ is 0
 */
export function buildTable(query: Query, dim: u32, step: f32, table: usize): i32 {
  const inverse: f32 = step > 0 ? 1 / step : 0
  const factor = f32x4.splat(inverse)
  let middle = 0
  for (let at: usize = 0; at < <usize>dim; at += 4, table += 16) {
    const values = query.values + at
    const weight = weightOf(values)
    middle += weight
    const v0 = <i32>load<i8>(values)
    const v1 = <i32>load<i8>(values, 1)
    const v2 = <i32>load<i8>(values, 2)
    const v3 = <i32>load<i8>(values, 3)
    // With every sign minus; a plus adds 2 v.
    const least = weight - v0 - v1 - v2 - v3
    let n0 = i32x4.replace_lane(i32x4.splat(least), 1, least + 2 * v0)
    n0 = i32x4.replace_lane(n0, 2, least + 2 * v1)
    n0 = i32x4.replace_lane(n0, 3, least + 2 * v0 + 2 * v1)
    const n4 = i32x4.add(n0, i32x4.splat(2 * v2))
    const n8 = i32x4.add(n0, i32x4.splat(2 * v3))
    const n12 = i32x4.add(n4, i32x4.splat(2 * v3))
    const early = i16x8.narrow_i32x4_s(entriesOf(n0, factor), entriesOf(n4, factor))
    const late = i16x8.narrow_i32x4_s(entriesOf(n8, factor), entriesOf(n12, factor))
    v128.store(table, i8x16.narrow_i16x8_u(early, late))
  }
  return <i32>nearest(<f32>middle * inverse)
}

@inline
function entriesOf(positive: v128, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(f32x4.convert_i32x4_s(positive), factor)))
}

/** Indices are below 16 always, where both instructions do the same. */
@inline
function lookUp(table: v128, indices: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, indices) : i8x16.swizzle(table, indices)
}

/** sum · gain / 2¹⁵, rounded. The instructions differ only where both operands are −2¹⁵, and no gain is negative. */
@inline
function scaleBy(sums: v128, gains: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i16x8.relaxed_q15mulr_s(sums, gains) : i16x8.q15mulr_sat_s(sums, gains)
}

/** What the two tables of a line say of its 16 rows. u8[16] */
@inline
function lookUpLine(signs: v128, low: v128, high: v128, nibble: v128): v128 {
  return i8x16.add(lookUp(low, v128.and(signs, nibble)), lookUp(high, v128.and(i16x8.shr_u(signs, 4), nibble)))
}

/**
 * Estimates of the 32 rows of a word of the mask: i16[32] at `estimates`. Both blocks go side by side, written out, so that a table is
 * read once and nothing is spilt.
 */
@inline
function estimateWord(part: Part, table: usize, start: v128, nibble: v128, word: usize, estimates: usize): void {
  const blockBytes = <usize>part.dim << 1
  const upper = part.signs + 2 * word * blockBytes
  const lower = upper + blockBytes
  let s0 = start
  let s1 = start
  let s2 = start
  let s3 = start
  for (let at: usize = 0; at < blockBytes; at += 2 * WINDOW) {
    const tables = table + 2 * at
    let low = v128.load(tables)
    let high = v128.load(tables, 16)
    let first = lookUpLine(v128.load(upper + at), low, high, nibble)
    let second = lookUpLine(v128.load(lower + at), low, high, nibble)
    low = v128.load(tables, 32)
    high = v128.load(tables, 48)
    first = i8x16.add(first, lookUpLine(v128.load(upper + at, 16), low, high, nibble))
    second = i8x16.add(second, lookUpLine(v128.load(lower + at, 16), low, high, nibble))
    low = v128.load(tables, 64)
    high = v128.load(tables, 80)
    first = i8x16.add(first, lookUpLine(v128.load(upper + at, 32), low, high, nibble))
    second = i8x16.add(second, lookUpLine(v128.load(lower + at, 32), low, high, nibble))
    low = v128.load(tables, 96)
    high = v128.load(tables, 112)
    first = i8x16.add(first, lookUpLine(v128.load(upper + at, 48), low, high, nibble))
    second = i8x16.add(second, lookUpLine(v128.load(lower + at, 48), low, high, nibble))
    low = v128.load(tables, 128)
    high = v128.load(tables, 144)
    first = i8x16.add(first, lookUpLine(v128.load(upper + at, 64), low, high, nibble))
    second = i8x16.add(second, lookUpLine(v128.load(lower + at, 64), low, high, nibble))
    low = v128.load(tables, 160)
    high = v128.load(tables, 176)
    first = i8x16.add(first, lookUpLine(v128.load(upper + at, 80), low, high, nibble))
    second = i8x16.add(second, lookUpLine(v128.load(lower + at, 80), low, high, nibble))
    low = v128.load(tables, 192)
    high = v128.load(tables, 208)
    first = i8x16.add(first, lookUpLine(v128.load(upper + at, 96), low, high, nibble))
    second = i8x16.add(second, lookUpLine(v128.load(lower + at, 96), low, high, nibble))
    low = v128.load(tables, 224)
    high = v128.load(tables, 240)
    first = i8x16.add(first, lookUpLine(v128.load(upper + at, 112), low, high, nibble))
    second = i8x16.add(second, lookUpLine(v128.load(lower + at, 112), low, high, nibble))
    s0 = i16x8.add(s0, i16x8.extend_low_i8x16_u(first))
    s1 = i16x8.add(s1, i16x8.extend_high_i8x16_u(first))
    s2 = i16x8.add(s2, i16x8.extend_low_i8x16_u(second))
    s3 = i16x8.add(s3, i16x8.extend_high_i8x16_u(second))
  }
  const gains = part.gains + (word << 6)
  v128.store(estimates, scaleBy(s0, v128.load(gains)))
  v128.store(estimates, scaleBy(s1, v128.load(gains, 16)), 16)
  v128.store(estimates, scaleBy(s2, v128.load(gains, 32)), 32)
  v128.store(estimates, scaleBy(s3, v128.load(gains, 48)), 48)
}

/** Bits of the 32 estimates that are above the bound. */
@inline
function lanesAbove(estimates: usize, bound: v128): u32 {
  const e0 = i16x8.gt_s(v128.load(estimates), bound)
  const e1 = i16x8.gt_s(v128.load(estimates, 16), bound)
  const e2 = i16x8.gt_s(v128.load(estimates, 32), bound)
  const e3 = i16x8.gt_s(v128.load(estimates, 48), bound)
  const early = <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(e0, e1))
  const late = <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(e2, e3))
  return early | (late << 16)
}

/** One word in so many is looked at for a first bound, which lets about twice as many rows through as are wanted. */
const SAMPLE_EVERY: usize = 32
const NO_BOUND: i32 = i16.MIN_VALUE

/**
 * The rows with the largest estimates among those that the mask lets through, in ascending order: `wanted` of them, or all where
 * the mask has fewer. Of equal estimates the first rows are taken.
 *
 * @param middle  as `buildTable` returned it
 * @param scratch 64 bytes
 */
export function collect(part: Part, table: usize, middle: i32, found: Candidates, scratch: usize): void {
  const bound = sampleBound(part, table, middle, found, scratch)
  gather(part, table, middle, found, scratch, bound)
  // The sample was not like the rest: rows that lie in a pattern can do that.
  if (bound > NO_BOUND && found.count < found.wanted) gather(part, table, middle, found, scratch, NO_BOUND)
}

/** A constant that V8 does not make anew at each use, at the cost of the look-up itself, because it comes out of memory. */
@inline
function nibbleMask(scratch: usize): v128 {
  v128.store(scratch, i8x16.splat(15))
  return v128.load(scratch)
}

function sampleBound(part: Part, table: usize, middle: i32, found: Candidates, scratch: usize): i32 {
  const words = (<usize>part.rows + 31) >> 5
  const start = i16x8.splat(<i16>-middle)
  const nibble = nibbleMask(scratch)
  clearHistogram(found)
  let seen: u32 = 0
  for (let word: usize = 0; word < words; word += SAMPLE_EVERY) {
    let open = load<u32>(part.mask + (word << 2))
    if (open == 0) continue
    estimateWord(part, table, start, nibble, word, scratch)
    seen += <u32>popcnt(open)
    do {
      count(found, <i32>load<i16>(scratch + (<usize>ctz(open) << 1)))
      open &= open - 1
    } while (open)
  }
  const rank: u32 = (2 * found.wanted) / <u32>SAMPLE_EVERY
  return seen > rank ? scoreOfRank(found, rank) - 1 : NO_BOUND
}

/**
 * Rows above a bound are appended to a buffer; when it is full it is cut down to the best, whose worst is the next bound. So
 * the bound tightens by itself whatever the order of the rows is.
 */
function gather(part: Part, table: usize, middle: i32, found: Candidates, scratch: usize, firstBound: i32): void {
  const words = (<usize>part.rows + 31) >> 5
  const start = i16x8.splat(<i16>-middle)
  const nibble = nibbleMask(scratch)
  const capacity: u32 = 4 * found.wanted
  let bound = i16x8.splat(<i16>firstBound)
  let kept: u32 = 0
  for (let word: usize = 0; word < words; word++) {
    estimateWord(part, table, start, nibble, word, scratch)
    // No branch on the mask alone: at a few per cent of open rows it would be guessed wrong all the time.
    let better = lanesAbove(scratch, bound) & load<u32>(part.mask + (word << 2))
    if (better == 0) continue
    do {
      const lane = <usize>ctz(better)
      store<u32>(found.rows + (<usize>kept << 2), <u32>((word << 5) + lane))
      store<i16>(found.scores + (<usize>kept << 1), load<i16>(scratch + (lane << 1)))
      kept++
      better &= better - 1
    } while (better)
    if (kept > capacity) {
      found.count = kept
      bound = i16x8.splat(<i16>keepBest(found))
      kept = found.count
    }
  }
  found.count = kept
  if (kept > found.wanted) keepBest(found)
}

/** Cut down to the `wanted` best; of those with the score of the worst the first. Returns that score: later rows must be above. */
function keepBest(found: Candidates): i32 {
  const held = found.count
  clearHistogram(found)
  for (let at: u32 = 0; at < held; at++) count(found, scoreAt(found, at))
  const bound = scoreOfRank(found, found.wanted)
  let equal = found.wanted - countAbove(found, bound)
  let kept: u32 = 0
  for (let at: u32 = 0; at < held; at++) {
    // Written before it is known to stay: which it is cannot be guessed.
    const score = scoreAt(found, at)
    store<u32>(found.rows + (<usize>kept << 2), load<u32>(found.rows + (<usize>at << 2)))
    store<i16>(found.scores + (<usize>kept << 1), <i16>score)
    const isEqual = u32(score == bound) & u32(equal > 0)
    equal -= isEqual
    kept += u32(score > bound) | isEqual
  }
  found.count = kept
  return bound
}

@inline
function scoreAt(found: Candidates, at: u32): i32 {
  return <i32>load<i16>(found.scores + (<usize>at << 1))
}

@inline
function binOf(found: Candidates, score: i32): usize {
  return found.histogram + (<usize>(score + <i32>found.scoreMax) << 2)
}

function clearHistogram(found: Candidates): void {
  memory.fill(found.histogram, 0, (2 * <usize>found.scoreMax + 1) << 2)
}

@inline
function count(found: Candidates, score: i32): void {
  const bin = binOf(found, score)
  store<u32>(bin, load<u32>(bin) + 1)
}

/** The score of the `rank`-th best of those counted, from 1. */
function scoreOfRank(found: Candidates, rank: u32): i32 {
  const least = -<i32>found.scoreMax
  let score = -least
  let above: u32 = 0
  for (; score > least; score--) {
    above += load<u32>(binOf(found, score))
    if (above >= rank) break
  }
  return score
}

function countAbove(found: Candidates, bound: i32): u32 {
  let above: u32 = 0
  for (let score = <i32>found.scoreMax; score > bound; score--) above += load<u32>(binOf(found, score))
  return above
}
