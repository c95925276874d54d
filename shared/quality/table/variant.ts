/** @file One value written in several ways (case, marks, white space): the rarer writing gives way to the usual one. */
import { byValue, type Detector } from './detector.ts'
import type { Column } from './table.ts'
import { fingerprintOf, isMissing } from './values.ts'

const RATIO_MIN = 3
/** In a column of names that are nearly all different, two writings are two names. */
const DISTINCT_SHARE_MAX = 0.5
const FINGERPRINT_CHARS_MIN = 2

export const variant: Detector = {
  id: 'variant',
  source: 'key collision of OpenRefine',
  *find(table) {
    for (const [index, column] of table.columns.entries()) {
      if (column.values.length > DISTINCT_SHARE_MAX * table.rowCount) continue
      const usual = usualWritings(column)
      yield* byValue(column, index, (value, code) => {
        const right = usual.get(fingerprintOf(value))
        if (right === undefined || right === code || isMissing(value) || !/\p{L}/u.test(value)) return null
        const [own, rows] = [column.counts[code]!, column.counts[right]!]
        if (rows < RATIO_MIN * own) return null
        const confidence = Math.min(0.9, 0.55 + 0.05 * Math.log2(rows / own))
        const repair = column.values[right]!
        return {
          detector: 'variant',
          confidence,
          reason: `another writing of "${repair.slice(0, 60)}", which ${rows} rows have`,
          repair,
        }
      })
    }
  },
}

/** The most frequent value by fingerprint, where several share one. */
function usualWritings({ values, counts }: Column): Map<string, number> {
  const best = new Map<string, number>()
  values.forEach((value, code) => {
    const key = fingerprintOf(value)
    if (key.length < FINGERPRINT_CHARS_MIN) return
    const other = best.get(key)
    if (other === undefined || counts[code]! > counts[other]!) best.set(key, code)
  })
  return best
}
