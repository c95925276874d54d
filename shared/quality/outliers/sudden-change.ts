/** @file What changed too much between an item as it was and as it is given now, to be believed unseen. Pure: two items in, findings out. */
import type { Finding, Item, Repair } from '../../schema/item.ts'
import { wordsOf } from '../learn/features.ts'
import { finding } from '../rules.ts'
import { measuresOf } from './expected.ts'
import { DECIMAL_FACTORS, UNIT_FACTORS } from './slips.ts'

/** A sale takes half or two thirds off, a bundle doubles a price: from here on it is worth a look. */
const CHANGE_MAX = 4
/** A price that moves by a power of ten keeps its digits; no other change is so exact by chance. */
const EXACTNESS = 0.002
/** Chosen, not measured: shops hardly ever multiply a price by just ten. */
const EXACT_CONFIDENCE = 0.9
const DIGITS = 6

/**
 * Price and numbers beyond `CHANGE_MAX` times or below that part of what they were, and a title that keeps no word. A
 * change by exactly a power of ten, or by a unit, is repaired to the value before it. Cost: linear in the attributes.
 */
export function suddenChanges(before: Item, after: Item): Finding[] {
  const known = new Map(measuresOf(before).map(({ target, value }) => [target, value]))
  const numbers = measuresOf(after).flatMap(({ target, field, value }): Finding[] => {
    const was = known.get(target)
    if (was === undefined || (value <= was * CHANGE_MAX && value * CHANGE_MAX >= was)) return []
    const isPrice = field === 'price'
    const rule = isPrice ? 'sudden-price-change' : 'sudden-attribute-change'
    const repair = exactSlip(was, value, isPrice ? DECIMAL_FACTORS : UNIT_FACTORS)
    return [finding(rule, field, `${was} → ${value}`, repair)]
  })
  return [...numbers, ...titleChange(before.title, after.title)]
}

function exactSlip(was: number, value: number, factors: readonly number[]): Repair | undefined {
  const isExact = factors.some((factor) =>
    [factor, 1 / factor].some((ratio) => Math.abs(value / was / ratio - 1) < EXACTNESS),
  )
  return isExact ? { value: Number(was.toPrecision(DIGITS)), confidence: EXACT_CONFIDENCE } : undefined
}

function titleChange(before: string, after: string): Finding[] {
  const known = new Set(wordsOf(before))
  const words = wordsOf(after)
  const keepsNone = known.size > 0 && words.length > 0 && !words.some((word) => known.has(word))
  return keepsNone ? [finding('sudden-title-change', 'title', `${before} → ${after}`)] : []
}
