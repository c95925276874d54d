/**
 * @file Exact search: the dot product of a query with every row.
 *
 *   Σ value_q · value_x  =  Σ value_q · code_x  −  64 · Σ value_q          (code = value + 64)
 *   score  =  f32( Σ value_q · value_x · scale_x · scale_q ),   multiplied in that order in double precision
 *
 * Four rows go side by side, so that the query is read once for them. Their products with `scale_x` are compared in single
 * precision with a bound; what passes is scored exactly and offered to the heap.
 */
import { addProducts, dotFour, dotRow, sumEach } from './dot'
import { boundOf, offer } from './heap'
import { Candidates, Heap, Part, Query } from './layout'

@inline
function scoreOf(dot: i32, scale: f32, queryScale: f64): f32 {
  return <f32>(<f64>dot * <f64>scale * queryScale)
}

@inline
function offerRow(part: Part, row: usize, dot: i32, query: Query, heap: Heap): void {
  const score = scoreOf(dot, load<f32>(part.scales + (row << 2)), query.scale)
  offer(heap, score, load<u32>(part.numbers + (row << 2)), part.base + <u32>row)
}

/** One lane; which, is known at run time only. */
@inline
function laneOf(dots: v128, lane: u32): i32 {
  if (lane == 0) return i32x4.extract_lane(dots, 0)
  if (lane == 1) return i32x4.extract_lane(dots, 1)
  if (lane == 2) return i32x4.extract_lane(dots, 2)
  return i32x4.extract_lane(dots, 3)
}

/** Offer every row that the mask lets through. */
export function scan(part: Part, query: Query, heap: Heap): void {
  const dim = <usize>part.dim
  const rows = <usize>part.rows
  const values = query.values
  const scales = part.scales
  const mask = part.mask
  const offset = i32x4.splat(query.offset)
  let bound = f32x4.splat(boundOf(heap, query.scale))
  let first = part.codes
  for (let row: usize = 0; row < rows; row += 4, first += 4 * dim) {
    const open = (<u32>load<u8>(mask + (row >> 3)) >> (<u32>row & 4)) & 15
    if (open == 0) continue
    const second = first + dim
    const third = second + dim
    const fourth = third + dim
    const dots = i32x4.sub(dotFour(values, first, second, third, fourth, dim), offset)
    const keys = f32x4.mul(f32x4.convert_i32x4_s(dots), v128.load(scales + (row << 2)))
    let better = <u32>i32x4.bitmask(f32x4.ge(keys, bound)) & open
    if (better == 0) continue
    do {
      const lane = <u32>ctz(better)
      offerRow(part, row + lane, laneOf(dots, lane), query, heap)
      better &= better - 1
    } while (better)
    bound = f32x4.splat(boundOf(heap, query.scale))
  }
}

/**
 * `scan` for four queries in one pass: a row is read once, and the four lanes are its products with the four. For fewer
 * queries the rest get heaps of capacity 0.
 *
 * @param queries Query[4], 16 bytes each
 * @param heaps   Heap[4], 12 bytes each
 */
export function scanFour(part: Part, queries: usize, heaps: usize): void {
  const dim = <usize>part.dim
  const rows = <usize>part.rows
  const q0 = queryAt(queries, 0)
  const q1 = queryAt(queries, 1)
  const q2 = queryAt(queries, 2)
  const q3 = queryAt(queries, 3)
  const offsets = i32x4.replace_lane(
    i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(q0.offset), 1, q1.offset), 2, q2.offset),
    3,
    q3.offset,
  )
  let bounds = boundsOf(queries, heaps)
  let codes = part.codes
  for (let row: usize = 0; row < rows; row++, codes += dim) {
    if (((<u32>load<u8>(part.mask + (row >> 3)) >> (<u32>row & 7)) & 1) == 0) continue
    let a = i32x4.splat(0)
    let b = a
    let c = a
    let d = a
    for (let at: usize = 0; at < dim; at += 32) {
      const x0 = v128.load(codes + at)
      const x1 = v128.load(codes + at, 16)
      a = addProducts(a, v128.load(q0.values + at), x0, v128.load(q0.values + at, 16), x1)
      b = addProducts(b, v128.load(q1.values + at), x0, v128.load(q1.values + at, 16), x1)
      c = addProducts(c, v128.load(q2.values + at), x0, v128.load(q2.values + at, 16), x1)
      d = addProducts(d, v128.load(q3.values + at), x0, v128.load(q3.values + at, 16), x1)
    }
    const dots = i32x4.sub(sumEach(a, b, c, d), offsets)
    const keys = f32x4.mul(f32x4.convert_i32x4_s(dots), v128.load32_splat(part.scales + (row << 2)))
    let better = <u32>i32x4.bitmask(f32x4.ge(keys, bounds))
    if (better == 0) continue
    do {
      const lane = <u32>ctz(better)
      offerRow(part, row, laneOf(dots, lane), queryAt(queries, lane), heapAt(heaps, lane))
      better &= better - 1
    } while (better)
    bounds = boundsOf(queries, heaps)
  }
}

@inline
function queryAt(queries: usize, at: u32): Query {
  return changetype<Query>(queries + <usize>at * 16)
}

@inline
function heapAt(heaps: usize, at: u32): Heap {
  return changetype<Heap>(heaps + <usize>at * 12)
}

function boundsOf(queries: usize, heaps: usize): v128 {
  let bounds = f32x4.splat(boundOf(heapAt(heaps, 0), queryAt(queries, 0).scale))
  bounds = f32x4.replace_lane(bounds, 1, boundOf(heapAt(heaps, 1), queryAt(queries, 1).scale))
  bounds = f32x4.replace_lane(bounds, 2, boundOf(heapAt(heaps, 2), queryAt(queries, 2).scale))
  return f32x4.replace_lane(bounds, 3, boundOf(heapAt(heaps, 3), queryAt(queries, 3).scale))
}

/**
 * Offer the rows that a scan of signs found, by their exact scores. Four at a time: they lie far apart, and the reads then wait
 * together. Products of all come first, because a wrongly guessed branch of the heap would hold up the reads of the next rows.
 */
export function rescore(part: Part, query: Query, candidates: Candidates, heap: Heap): void {
  const dim = <usize>part.dim
  const values = query.values
  const offset = i32x4.splat(query.offset)
  const count = <usize>candidates.count
  // Behind the rows that were found there is room for three times as many.
  const products = candidates.rows + (count << 2)
  for (let at: usize = 0; at < count; at += 4) {
    const last = count - 1
    const first = part.codes + rowAt(candidates, at) * dim
    const second = part.codes + rowAt(candidates, min(at + 1, last)) * dim
    const third = part.codes + rowAt(candidates, min(at + 2, last)) * dim
    const fourth = part.codes + rowAt(candidates, min(at + 3, last)) * dim
    const dots = i32x4.sub(dotFour(values, first, second, third, fourth, dim), offset)
    v128.store(products + (at << 2), dots)
  }
  for (let at: usize = 0; at < count; at++)
    offerRow(part, rowAt(candidates, at), load<i32>(products + (at << 2)), query, heap)
}

@inline
function rowAt(candidates: Candidates, at: usize): usize {
  return <usize>load<u32>(candidates.rows + (at << 2))
}

/**
 * Exact scores of some rows.
 *
 * @param rows   u32[count]
 * @param scores f32[count], written
 */
export function scoreRows(part: Part, query: Query, rows: usize, count: u32, scores: usize): void {
  const dim = <usize>part.dim
  for (let at: usize = 0; at < <usize>count; at++) {
    const row = <usize>load<u32>(rows + (at << 2))
    const dot = dotRow(query.values, part.codes + row * dim, dim) - query.offset
    store<f32>(scores + (at << 2), scoreOf(dot, load<f32>(part.scales + (row << 2)), query.scale))
  }
}
