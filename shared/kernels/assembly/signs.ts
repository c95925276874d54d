/**
 * @file Approximate search over one bit for each component: the sign of what a vector differs from the mean of its segment.
 *
 *   r = x − μ,   b = sign(r) ∈ {−1, +1}ᵈ,   gain = ‖r‖² / ‖r‖₁
 *   ⟨q, x⟩  ≈  ⟨q, μ⟩ + gain · ⟨q, b⟩          ⟨q, μ⟩ is the same for every row and left out
 *
 * Signs of 4 components are a number below 16, and ⟨q, b⟩ is a sum of table entries, one for each group of 4. A byte shuffle
 * looks up 16 entries at once, so that rows are stored in blocks of 32:
 *
 *   block w   rows 32 w … 32 w + 31, 4 · dim bytes
 *   group g   16 bytes; byte t = signs of row t in its low half, of row t + 16 in its high half; bit j is component 4 g + j
 *
 * Table entries have 5 bits, so that eight of them fit in a byte (8 · 31 < 256) before sums go on in 16 bits.
 *
 * Source: André, Kermarrec, Le Scouarnec, "Cache locality is not enough: … product quantization fast scan", VLDB 2015, for the
 * shuffle; Gao, Long, "RaBitQ", SIGMOD 2024, for centred signs and the gain.
 */
import { BIAS } from './dot'
import { Candidates, Part, Query } from './layout'

const ENTRY_MAX: f32 = 31

/**
 * Signs and gains of every row. `part.signs` is zero before.
 *
 * @param mean  f32[dim], of the components
 * @param gains f32[rows], written; 0 for a row without a vector
 */
export function encodeSigns(part: Part, mean: usize, gains: usize): void {
  const dim = <usize>part.dim
  const groups = dim >> 2
  const bias = i32x4.splat(BIAS)
  const zero = f32x4.splat(0)
  for (let row: usize = 0; row < <usize>part.rows; row++) {
    const scale = load<f32>(part.scales + (row << 2))
    const codes = part.codes + row * dim
    const shift: u32 = row & 16 ? 4 : 0
    let target = part.signs + (row >> 5) * 4 * dim + (row & 15)
    let sum = zero
    let squares = zero
    for (let group: usize = 0; group < groups; group++, target += 16) {
      const code = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(codes + (group << 2))))
      const x = f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(code, bias)), f32x4.splat(scale))
      const r = f32x4.sub(x, v128.load(mean + (group << 4)))
      store<u8>(target, load<u8>(target) | (<u32>i32x4.bitmask(f32x4.gt(r, zero)) << shift))
      sum = f32x4.add(sum, f32x4.abs(r))
      squares = f32x4.add(squares, f32x4.mul(r, r))
    }
    const total = sumLanes(sum)
    store<f32>(gains + (row << 2), scale > 0 && total > 0 ? sumLanes(squares) / total : 0)
  }
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
  for (let at: usize = 0; at < <usize>dim; at += 4) most = max(most, weightOf(query.values + at))
  return (2 * <f32>most) / ENTRY_MAX
}

/**
 *   entry[g][n] = round( (Σⱼ ±value + Σⱼ |value|) / step ),   + where bit j of n is set
 *
 * @param table u8[dim / 4, 16], written
 * @returns what the entries of a row sum up to where ⟨q, b⟩ is 0
 */
export function buildTable(query: Query, dim: u32, step: f32, table: usize): i32 {
  const inverse: f32 = step > 0 ? 1 / step : 0
  let middle = 0
  for (let at: usize = 0; at < <usize>dim; at += 4, table += 16) {
    const values = query.values + at
    middle += weightOf(values)
    for (let signs: u32 = 0; signs < 16; signs++) {
      let positive = 0
      for (let j: u32 = 0; j < 4; j++) {
        const value = <i32>load<i8>(values + j)
        // +v + |v| or −v + |v|.
        positive += (signs >> j) & 1 ? value + abs(value) : abs(value) - value
      }
      store<u8>(table + signs, <u8>nearest(<f32>positive * inverse))
    }
  }
  return <i32>nearest(<f32>middle * inverse)
}

/** Indices are below 16 always, where both instructions do the same. */
@inline
function lookUp(table: v128, indices: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, indices) : i8x16.swizzle(table, indices)
}

@inline
function lowHalf(sum: v128, table: v128, codes: v128): v128 {
  return i8x16.add(sum, lookUp(table, v128.and(codes, i8x16.splat(15))))
}

@inline
function highHalf(sum: v128, table: v128, codes: v128): v128 {
  return i8x16.add(sum, lookUp(table, v128.and(i16x8.shr_u(codes, 4), i8x16.splat(15))))
}

/**
 * The rows with the largest estimates among those that the mask lets through, in ascending order: `wanted` of them, up to twice
 * as many where estimates are equal, fewer where the mask has fewer.
 *
 * Rows above a bound are appended to a buffer; when it is full it is cut down to the best, whose worst is the next bound. So
 * the bound tightens by itself whatever the order of the rows is.
 *
 * @param middle as `buildTable` returned it
 * @param spill  i16[32], scratch
 */
export function collect(part: Part, table: usize, middle: i32, found: Candidates, spill: usize): void {
  const blockBytes = <usize>part.dim << 2
  const blocks = (<usize>part.rows + 31) >> 5
  const start = i16x8.splat(<i16>-middle)
  const capacity: u32 = 4 * found.wanted
  let bound = i16x8.splat(i16.MIN_VALUE)
  let count: u32 = 0
  let block = part.signs
  for (let word: usize = 0; word < blocks; word++, block += blockBytes) {
    let s0 = start
    let s1 = start
    let s2 = start
    let s3 = start
    for (let at: usize = 0; at < blockBytes; at += 128) {
      const codes = block + at
      const entries = table + at
      let low = i8x16.splat(0)
      let high = low
      let x = v128.load(codes)
      let t = v128.load(entries)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      x = v128.load(codes, 16)
      t = v128.load(entries, 16)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      x = v128.load(codes, 32)
      t = v128.load(entries, 32)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      x = v128.load(codes, 48)
      t = v128.load(entries, 48)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      x = v128.load(codes, 64)
      t = v128.load(entries, 64)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      x = v128.load(codes, 80)
      t = v128.load(entries, 80)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      x = v128.load(codes, 96)
      t = v128.load(entries, 96)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      x = v128.load(codes, 112)
      t = v128.load(entries, 112)
      low = lowHalf(low, t, x)
      high = highHalf(high, t, x)
      s0 = i16x8.add(s0, i16x8.extend_low_i8x16_u(low))
      s1 = i16x8.add(s1, i16x8.extend_high_i8x16_u(low))
      s2 = i16x8.add(s2, i16x8.extend_low_i8x16_u(high))
      s3 = i16x8.add(s3, i16x8.extend_high_i8x16_u(high))
    }
    const gains = part.gains + (word << 6)
    s0 = i16x8.q15mulr_sat_s(s0, v128.load(gains))
    s1 = i16x8.q15mulr_sat_s(s1, v128.load(gains, 16))
    s2 = i16x8.q15mulr_sat_s(s2, v128.load(gains, 32))
    s3 = i16x8.q15mulr_sat_s(s3, v128.load(gains, 48))
    const first = i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.gt_s(s0, bound), i16x8.gt_s(s1, bound)))
    const second = i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.gt_s(s2, bound), i16x8.gt_s(s3, bound)))
    // No branch on the mask alone: at a few per cent of open rows it would be guessed wrong all the time.
    let better = (<u32>first | (<u32>second << 16)) & load<u32>(part.mask + (word << 2))
    if (better == 0) continue
    v128.store(spill, s0)
    v128.store(spill, s1, 16)
    v128.store(spill, s2, 32)
    v128.store(spill, s3, 48)
    do {
      const lane = <usize>ctz(better)
      store<u32>(found.rows + (<usize>count << 2), <u32>((word << 5) + lane))
      store<i16>(found.scores + (<usize>count << 1), load<i16>(spill + (lane << 1)))
      count++
      better &= better - 1
    } while (better)
    if (count + 32 > capacity) {
      found.count = count
      bound = i16x8.splat(<i16>keepBest(found))
      count = found.count
    }
  }
  found.count = count
  if (count > found.wanted) keepBest(found)
}

/**
 * Cut down to the entries above the score of the `wanted`-th best, and those with that score while they fit in twice as many.
 *
 * @returns that score: a later row must be above it
 */
function keepBest(found: Candidates): i32 {
  const count = found.count
  const histogram = found.histogram
  const zero = found.scoreMax
  memory.fill(histogram, 0, (2 * <usize>zero + 1) << 2)
  for (let at: u32 = 0; at < count; at++) {
    const bin = histogram + (<usize>(zero + scoreAt(found, at)) << 2)
    store<u32>(bin, load<u32>(bin) + 1)
  }
  let bin = 2 * zero
  let above: u32 = 0
  for (;;) {
    const here = load<u32>(histogram + (<usize>bin << 2))
    if (above + here >= found.wanted || bin == 0) break
    above += here
    bin--
  }
  const bound = <i32>bin - <i32>zero
  let equal = 2 * found.wanted - above
  let kept: u32 = 0
  for (let at: u32 = 0; at < count; at++) {
    const score = scoreAt(found, at)
    if (score < bound) continue
    if (score == bound) {
      if (equal == 0) continue
      equal--
    }
    store<u32>(found.rows + (<usize>kept << 2), load<u32>(found.rows + (<usize>at << 2)))
    store<i16>(found.scores + (<usize>kept << 1), <i16>score)
    kept++
  }
  found.count = kept
  return bound
}

@inline
function scoreAt(found: Candidates, at: u32): i32 {
  return <i32>load<i16>(found.scores + (<usize>at << 1))
}
