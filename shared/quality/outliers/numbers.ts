/** @file The rule that finds prices and numeric attributes far from those of like items, and slips among them. */
import type { Finding, Item } from '../../schema/item.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import { finding } from '../rules.ts'
import { createExpectationsLearner, type Expectations, type Measure, residualsOf } from './expected.ts'
import { DECIMAL_FACTORS, slipOf, UNIT_FACTORS } from './slips.ts'
import { type Student, tailShare } from './student.ts'

/**
 * Of values that are right, this share is found nevertheless, if the tail of their distribution goes on as it begins.
 * Measured on Icecat: 1.9 in a thousand, about half of them errors of its own (`npm run bench outliers`).
 */
export const FALSE_ALARM_SHARE = 0.003

export const numberOutliers: CatalogueRule<Expectations> = {
  name: 'number-outliers',
  start: createExpectationsLearner,
  judge: (learnt: Expectations, item: Item): Finding[] =>
    residualsOf(learnt, item).flatMap(({ measure, residual, spread }) =>
      isFar(residual, spread) ? [judgeFar(measure, residual, spread)] : [],
    ),
}

const isFar = (residual: number, { centre, scale, df }: Student): boolean =>
  tailShare((residual - centre) / scale, df) < FALSE_ALARM_SHARE

function judgeFar({ field, value }: Measure, residual: number, spread: Student): Finding {
  const isPrice = field === 'price'
  const repair = slipOf(value, residual, spread, isPrice ? DECIMAL_FACTORS : UNIT_FACTORS)
  const usual = (value / Math.exp(residual - spread.centre)).toPrecision(2)
  const evidence = `${value}; like items: about ${Number(usual)}`
  if (repair) return finding(isPrice ? 'price-slip' : 'attribute-slip', field, evidence, repair)
  return finding(isPrice ? 'unusual-price' : 'unusual-attribute', field, evidence)
}
