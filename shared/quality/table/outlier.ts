/** @file Numbers far from all others of their column, on a plain and, where all are positive, on a log scale. */
import { byValue, type Detector } from './detector.ts'
import type { Column } from './table.ts'
import { isMissing, parseNumber } from './values.ts'

/** Robust z-score: distance from the median in units of 1.4826 MAD. */
const Z_MIN = 12
const ROWS_MIN = 20
const NUMBER_SHARE_MIN = 0.9
/** Factors of slipped decimal points and wrong units. */
const SLIPS = [10, 100, 1_000]

export const outlier: Detector = {
  id: 'number-outlier',
  source: 'median and MAD: Iglewicz and Hoaglin 1993; Leys et al. 2013',
  *find(table) {
    for (const [index, column] of table.columns.entries()) {
      const numbers = column.values.map((value) => (isMissing(value) ? null : parseNumber(value)))
      const profile = profileNumbers(column, numbers)
      if (profile === null) continue
      yield* byValue(column, index, (_, code) => {
        const value = numbers[code]!
        if (value === null) return null
        const z = Math.min(...profile.scales.map((scale) => scale.z(value)))
        if (z < Z_MIN) return null
        const [low, high] = profile.middle
        const slip = SLIPS.flatMap((factor) => [value / factor, value * factor]).find(
          (moved) => moved >= low && moved <= high,
        )
        return {
          detector: 'number-outlier',
          confidence: Math.min(0.9, 0.5 + 0.1 * Math.log2(z / Z_MIN + 1)),
          reason: `far from the median ${profile.median}: ${Math.round(z)} robust deviations${slip === undefined ? '' : ', as if its decimal point or unit had slipped'}`,
          // Only a slip says what the number should be, and even that not for sure.
        }
      })
    }
  },
}

function profileNumbers({ values, counts }: Column, numbers: (number | null)[]) {
  const sorted: number[] = []
  let withValue = 0
  numbers.forEach((number, code) => {
    if (!isMissing(values[code]!)) withValue += counts[code]!
    if (number !== null && Number.isFinite(number))
      for (let n = 0; n < counts[code]!; n++) sorted.push(number)
  })
  if (sorted.length < ROWS_MIN || sorted.length < NUMBER_SHARE_MIN * withValue) return null
  sorted.sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!
  const plain = scaleOf(sorted, (x) => x)
  const scales = at(0) > 0 ? [plain, scaleOf(sorted, Math.log)] : [plain]
  return scales.some((scale) => scale.deviation === 0)
    ? null
    : { scales, median: at(0.5), middle: [at(0.1), at(0.9)] as const }
}

function scaleOf(sorted: readonly number[], transform: (x: number) => number) {
  const median = transform(sorted[sorted.length >> 1]!)
  const distances = sorted.map((x) => Math.abs(transform(x) - median)).sort((a, b) => a - b)
  const deviation = 1.4826 * distances[distances.length >> 1]!
  return { deviation, z: (x: number) => Math.abs(transform(x) - median) / deviation }
}
