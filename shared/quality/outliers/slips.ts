/** @file Slips: a value that is off by a factor which a wrong unit or a lost decimal point makes, and what it should have been. */
import type { Repair } from '../../schema/item.ts'
import { logDensity, type Student, tailShare } from './student.ts'

/** Lost and doubled decimal places, cents for euros. */
export const DECIMAL_FACTORS = [10, 100, 1_000]
/** Decimal places (also mm for cm, g for kg), then cm and mm for inches, pounds for kilograms, grams for ounces. */
export const UNIT_FACTORS = [...DECIMAL_FACTORS, 2.54, 25.4, 2.204_62, 28.349_5]
/** One value in a hundred is off, by each of the factors as often; a guess that only the posterior depends on. */
const SLIP_PRIOR = 0.01
/** Below, it is likelier that the value is right and the item unusual. */
const CONFIDENCE_MIN = 0.5
/** A value put right is one of the usual ones: this share of them lies farther out. */
const USUAL_SHARE_MIN = 0.05
const DIGITS = 6

/**
 * The factor that explains the value best, if one does better than chance, by Bayes' rule over the factors and "no slip".
 *
 * @param residual ln of the value less its expectation
 * @returns        the value put right, with the posterior probability that it is
 */
export function slipOf(
  value: number,
  residual: number,
  { centre, scale, df }: Student,
  factors: readonly number[],
): Repair | null {
  const densityAt = (log: number) => Math.exp(logDensity((log - centre) / scale, df))
  const ways = factors.flatMap((factor) => [factor, 1 / factor])
  const likelihoods = ways.map((factor) => densityAt(residual - Math.log(factor)) / ways.length)
  const best = likelihoods.indexOf(Math.max(...likelihoods))
  const slips = SLIP_PRIOR * likelihoods.reduce((sum, one) => sum + one, 0)
  const confidence = (SLIP_PRIOR * likelihoods[best]!) / (slips + (1 - SLIP_PRIOR) * densityAt(residual))
  const factor = ways[best]!
  const mended = (residual - Math.log(factor) - centre) / scale
  if (!(confidence >= CONFIDENCE_MIN) || tailShare(mended, df) < USUAL_SHARE_MIN) return null
  return { value: Number((value / factor).toPrecision(DIGITS)), confidence }
}
