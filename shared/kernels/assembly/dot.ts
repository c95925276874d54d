/**
 * @file Sums of products of 8-bit numbers, 16 at a time. Relaxed SIMD has an instruction for it, standard SIMD needs
 * more. Both give the same integers on our ranges.
 */

/** Items are stored as code = value + 64, so that 0 ≤ code ≤ 127; queries as values, |value| ≤ 63. */
export const BIAS: i32 = 64

/**
 * sum[i] += Σ over 8 products, i = 0 … 3, of 32 query values with 32 item codes.
 *
 * Neither build can saturate: a product is at most 63 · 127, and two of them, which the relaxed instruction may add in 16 bits,
 * fit (2 · 8001 < 2¹⁵). It takes its second operand as 7 bits, which codes are.
 */
@inline
export function addProducts(sum: v128, query0: v128, codes0: v128, query1: v128, codes1: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    sum = i32x4.relaxed_dot_i8x16_i7x16_add_s(query0, codes0, sum)
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(query1, codes1, sum)
  }
  // Queries are widened apart from the products, so that it is done once where several rows are compared with one.
  const first = i32x4.add(dotLow(query0, codes0), dotHigh(query0, codes0))
  const second = i32x4.add(dotLow(query1, codes1), dotHigh(query1, codes1))
  return i32x4.add(sum, i32x4.add(first, second))
}

@inline
function dotLow(query: v128, codes: v128): v128 {
  return i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(query), i16x8.extend_low_i8x16_s(codes))
}

@inline
function dotHigh(query: v128, codes: v128): v128 {
  return i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(query), i16x8.extend_high_i8x16_s(codes))
}

/** Result[i] = the sum of the four lanes of the i-th argument. */
@inline
export function sumEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 2, 6), v128.shuffle<i32>(a, b, 1, 5, 3, 7))
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 2, 6), v128.shuffle<i32>(c, d, 1, 5, 3, 7))
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

/** Σ query · code of four rows, which lie anywhere: the query is read once for them. `dim` is a multiple of 64. i32[4] */
@inline
export function dotFour(query: usize, first: usize, second: usize, third: usize, fourth: usize, dim: usize): v128 {
  let a = i32x4.splat(0)
  let b = a
  let c = a
  let d = a
  for (let at: usize = 0; at < dim; at += 64) {
    let q0 = v128.load(query + at)
    let q1 = v128.load(query + at, 16)
    a = addProducts(a, q0, v128.load(first + at), q1, v128.load(first + at, 16))
    b = addProducts(b, q0, v128.load(second + at), q1, v128.load(second + at, 16))
    c = addProducts(c, q0, v128.load(third + at), q1, v128.load(third + at, 16))
    d = addProducts(d, q0, v128.load(fourth + at), q1, v128.load(fourth + at, 16))
    q0 = v128.load(query + at, 32)
    q1 = v128.load(query + at, 48)
    a = addProducts(a, q0, v128.load(first + at, 32), q1, v128.load(first + at, 48))
    b = addProducts(b, q0, v128.load(second + at, 32), q1, v128.load(second + at, 48))
    c = addProducts(c, q0, v128.load(third + at, 32), q1, v128.load(third + at, 48))
    d = addProducts(d, q0, v128.load(fourth + at, 32), q1, v128.load(fourth + at, 48))
  }
  return sumEach(a, b, c, d)
}

/** Σ query · code of one row. `dim` is a multiple of 64. */
export function dotRow(query: usize, codes: usize, dim: usize): i32 {
  let sum = i32x4.splat(0)
  let other = sum
  for (let at: usize = 0; at < dim; at += 64) {
    const q = query + at
    const c = codes + at
    sum = addProducts(sum, v128.load(q), v128.load(c), v128.load(q, 16), v128.load(c, 16))
    other = addProducts(other, v128.load(q, 32), v128.load(c, 32), v128.load(q, 48), v128.load(c, 48))
  }
  sum = i32x4.add(sum, other)
  sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1))
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1)
}

/** Codes of a row as query values: value = code − 64. */
export function toValues(codes: usize, values: usize, dim: usize): void {
  const bias = i8x16.splat(<i8>BIAS)
  for (let at: usize = 0; at < dim; at += 16) v128.store(values + at, i8x16.sub(v128.load(codes + at), bias))
}

/** Σ values of a row; times `BIAS` it is what the bias adds to a dot product with it. */
export function sumValues(values: usize, dim: usize): i32 {
  let sum = i32x4.splat(0)
  for (let at: usize = 0; at < dim; at += 16)
    sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(values + at))))
  sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1))
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1)
}
