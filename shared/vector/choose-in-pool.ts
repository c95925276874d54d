/** @file Varied choices on the kernels: gathers the candidates' vectors into one pool, whichever parts they come from. */
import { DIM_BLOCK, POOL_BYTES, writePool } from '../kernels/kernels.ts'
import type { VariedCandidate } from './engine.ts'
import { type ChoiceRule, qualityOf } from './plain-diversify.ts'
import { BIAS } from './quantise.ts'
import type { HeldPart, VectorMemory } from './vector-memory.ts'

/** Indices in the order of choice. A candidate without a vector at hand is like no other. */
export function chooseInPool(
  held: VectorMemory,
  candidates: readonly VariedCandidate[],
  rule: ChoiceRule,
  wanted: number,
): number[] {
  const { memory, kernels, u8, u32, f32, scratch } = held
  const count = candidates.length
  const taken = Math.min(wanted, count)
  if (taken <= 0) return []
  const parts = candidates.map(({ part }) => part as HeldPart)
  const first = parts.find(held.isHeld)
  const stride = first?.stride ?? DIM_BLOCK
  const factorRow = Math.ceil(taken / 4) * 4
  // Words, then lines: relevance, scales, state, chosen, factors | values, codes.
  const wordBytes = 4 * (3 * count + factorRow + count * factorRow)
  const linesAt = Math.ceil((POOL_BYTES + wordBytes) / DIM_BLOCK) * DIM_BLOCK
  const pool = scratch('pool', linesAt + (count + 1) * stride)
  const relevance = pool + POOL_BYTES
  const scales = relevance + 4 * count
  const state = scales + 4 * count
  const chosen = state + 4 * count
  const values = pool + linesAt
  const codes = values + stride
  const [relevances, poolScales] = [f32(relevance, count), f32(scales, count)]
  candidates.forEach(({ row, relevance: value }, i) => {
    const part = parts[i]!
    relevances[i] = rule.kind === 'mmr' ? value : qualityOf(value, rule.sharpness)
    const scale = part.dim === first?.dim && part.codes !== null ? held.scaleAt(part, row) : 0
    poolScales[i] = scale
    const target = u8(codes + i * stride, stride)
    if (scale > 0) target.set(u8(part.codes! + row * stride, stride))
    else target.fill(BIAS)
  })
  writePool(memory, pool, {
    ...{ codes, scales, relevance, state, factors: chosen + 4 * factorRow, values, chosen },
    ...{ count, dim: stride, wanted: taken },
  })
  const done = rule.kind === 'mmr' ? kernels.chooseMmr(pool, rule.lambda) : kernels.chooseDpp(pool)
  return [...u32(chosen, done)]
}
