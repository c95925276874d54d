/**
 * @file Isolation in vector space, for items whose category is too small to tell: a value far from those of the items nearest in
 * meaning. Pure; whoever has the vectors (the worker) finds the neighbours.
 */
import type { Finding } from '../../schema/item.ts'
import { finding } from '../rules.ts'
import { ascending, quantile } from './student.ts'

/** Fewer neighbours with a value tell nothing. */
const NEIGHBOURS_MIN = 5
/** In ln: neighbours of one price still leave room for 10 %. */
const SPREAD_MIN = 0.1
/** Median absolute deviations, each 1.4826 standard deviations if the values were log-normal. */
const DISTANCE_MAX = 10
const MAD_TO_DEVIATION = 1.4826

/**
 * How many robust deviations the log of a value lies from the median of its neighbours'; null where too few have one.
 *
 * @param value      > 0
 * @param neighbours values of the nearest items; those that are not above zero count as missing
 */
export function isolationOf(value: number, neighbours: readonly number[]): number | null {
  const logs = ascending(neighbours.filter((one) => one > 0 && Number.isFinite(one)).map(Math.log))
  if (logs.length < NEIGHBOURS_MIN) return null
  const centre = middleOf(logs)
  const spread = middleOf(ascending(logs.map((log) => Math.abs(log - centre))))
  return Math.abs(Math.log(value) - centre) / Math.max(SPREAD_MIN, MAD_TO_DEVIATION * spread)
}

/** @param neighbours prices of the nearest items, the item itself not among them */
export function priceUnlikeNeighbours(price: number, neighbours: readonly number[]): Finding[] {
  const distance = price > 0 ? isolationOf(price, neighbours) : null
  if (distance === null || distance <= DISTANCE_MAX) return []
  const usual = quantile(ascending(neighbours.filter((one) => one > 0)), 0.5)
  return [finding('price-unlike-neighbours', 'price', `${price}; nearest items: about ${usual}`)]
}

const middleOf = (sorted: readonly number[]): number => quantile(sorted, 0.5)
