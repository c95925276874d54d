/**
 * @file Choosing a varied list out of candidates, one after the other. sim(i, j) is the dot product of their vectors, the
 * cosine for unit vectors. Of equal gains the candidate that comes first is chosen.
 */
import { BIAS, dotRow, sumValues, toValues } from './dot'
import { Pool } from './layout'

@inline
function f32At(array: usize, at: u32): f32 {
  return load<f32>(array + (<usize>at << 2))
}

@inline
function setF32(array: usize, at: u32, value: f32): void {
  store<f32>(array + (<usize>at << 2), value)
}

/** Make candidate `at` the one that `similarityTo` compares with; returns its part of the bias. */
function select(pool: Pool, at: u32): i32 {
  toValues(pool.codes + <usize>at * pool.dim, pool.values, pool.dim)
  return BIAS * sumValues(pool.values, pool.dim)
}

@inline
function similarityTo(pool: Pool, offset: i32, scale: f32, other: u32): f32 {
  const dot = dotRow(pool.values, pool.codes + <usize>other * pool.dim, pool.dim) - offset
  return <f32>dot * scale * f32At(pool.scales, other)
}

/**
 * Maximal marginal relevance:
 *
 *   next = argmax over the rest i of  λ · relevance(i) − (1 − λ) · max over the chosen j of sim(i, j)
 *
 * The maximum over an empty list is 0. `pool.state` holds the maximum of each candidate, which the newest choice can raise.
 *
 * @returns how many were chosen: min(wanted, count)
 * Source: Carbonell, Goldstein, SIGIR 1998.
 */
export function chooseMmr(pool: Pool, lambda: f32): u32 {
  const count = pool.count
  const wanted = min(pool.wanted, count)
  for (let i: u32 = 0; i < count; i++) setF32(pool.state, i, 0)
  for (let step: u32 = 0; step < wanted; step++) {
    let best: u32 = 0
    let bestGain: f32 = -Infinity
    for (let i: u32 = 0; i < count; i++) {
      // A chosen one has an infinite maximum.
      const gain = lambda * f32At(pool.relevance, i) - (1 - lambda) * f32At(pool.state, i)
      if (gain > bestGain && f32At(pool.state, i) < Infinity) {
        best = i
        bestGain = gain
      }
    }
    store<u32>(pool.chosen + (<usize>step << 2), best)
    const offset = select(pool, best)
    const scale = f32At(pool.scales, best)
    for (let i: u32 = 0; i < count; i++) {
      const held = f32At(pool.state, i)
      if (held == Infinity) continue
      const near = similarityTo(pool, offset, scale, i)
      setF32(pool.state, i, step == 0 ? near : max(held, near))
    }
    setF32(pool.state, best, Infinity)
  }
  return wanted
}

/**
 * Greedy maximum of a determinantal point process with kernel L:
 *
 *   L(i, j) = quality(i) · sim(i, j) · quality(j),   L(i, i) = quality(i)²
 *   next j  = argmax of d²          d² starts as the diagonal of L
 *   for the rest i:  e = (L(i, j) − ⟨c(i), c(j)⟩) / d(j),   c(i) ← c(i) ‖ e,   d²(i) ← d²(i) − e²
 *
 * `pool.relevance` holds the qualities, `pool.state` d², `pool.factors` c. Ends early when nothing adds any volume.
 *
 * @returns how many were chosen
 * Source: Chen, Zhang, Zhou, NeurIPS 2018, algorithm 1.
 */
export function chooseDpp(pool: Pool): u32 {
  const count = pool.count
  const wanted = min(pool.wanted, count)
  const stride = ((<usize>pool.wanted + 3) & ~3) << 2
  memory.fill(pool.factors, 0, <usize>count * stride)
  for (let i: u32 = 0; i < count; i++) setF32(pool.state, i, f32At(pool.relevance, i) * f32At(pool.relevance, i))
  for (let step: u32 = 0; step < wanted; step++) {
    let best: u32 = 0
    let volume: f32 = 0
    for (let i: u32 = 0; i < count; i++)
      if (f32At(pool.state, i) > volume) {
        best = i
        volume = f32At(pool.state, i)
      }
    if (volume < VOLUME_MIN) return step
    store<u32>(pool.chosen + (<usize>step << 2), best)
    setF32(pool.state, best, -1)
    const offset = select(pool, best)
    const scale = f32At(pool.scales, best)
    const quality = f32At(pool.relevance, best)
    const root = sqrt<f32>(volume)
    const own = pool.factors + <usize>best * stride
    for (let i: u32 = 0; i < count; i++) {
      const held = f32At(pool.state, i)
      if (held < 0) continue
      const factors = pool.factors + <usize>i * stride
      const kernel = quality * similarityTo(pool, offset, scale, i) * f32At(pool.relevance, i)
      const e = (kernel - dotFactors(own, factors, step)) / root
      store<f32>(factors + (<usize>step << 2), e)
      setF32(pool.state, i, max<f32>(0, held - e * e))
    }
  }
  return wanted
}

/** Below this d² a candidate is a mixture of those chosen, up to rounding. */
const VOLUME_MIN: f32 = 1e-6

/** Factors beyond `length` are zero. */
function dotFactors(a: usize, b: usize, length: u32): f32 {
  let sum = f32x4.splat(0)
  for (let at: usize = 0; at < <usize>length << 2; at += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + at), v128.load(b + at)))
  return f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3)
}
