/**
 * @file Words that stand for "no value" where the table has another way of saying it. A table that never leaves a cell
 * blank says it in words, and there its commonest word is right.
 */
import { byValue, type Detector } from './detector.ts'
import type { Column, Table } from './table.ts'
import { isBlank, isMissingWord, shapeOf } from './values.ts'

/** A code such as "NA" for Namibia looks as the others of its column do. */
const SHAPE_SHARE_MAX = 0.2
/** A word that stands in more than this share of a column's cells is meant. */
const FILLING_SHARE = 0.5

export const missing: Detector = {
  id: 'missing-word',
  source: 'Qahtan et al., FAHES: a robust disguised missing values detector, KDD 2018',
  *find(table) {
    const usual = usualWord(table)
    for (const [index, column] of table.columns.entries()) {
      const shapes = shapeShares(column)
      yield* byValue(column, index, (value) => {
        if (value === usual || !isMissingWord(value)) return null
        if ((shapes.get(shapeOf(value)) ?? 0) > SHAPE_SHARE_MAX) return null
        const reason =
          usual === ''
            ? `"${value}" stands for a missing value, which this table leaves blank`
            : `"${value}" stands for a missing value, for which this table has "${usual}"`
        return { detector: 'missing-word', confidence: 0.9, reason, repair: usual }
      })
    }
  },
}

/** How the table says "no value": a word that fills a column, else blank if it ever is, else its commonest word. */
function usualWord({ columns, rowCount }: Table): string {
  const counts = new Map<string, number>()
  for (const { values, counts: rows } of columns)
    values.forEach((value, code) => {
      if (isMissingWord(value) && rows[code]! > FILLING_SHARE * rowCount)
        counts.set(value, Number.POSITIVE_INFINITY)
      else if (isBlank(value)) counts.set('', Number.MAX_VALUE)
      else if (isMissingWord(value)) counts.set(value, (counts.get(value) ?? 0) + rows[code]!)
    })
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best), ['', 0] as [string, number])[0]
}

/** Share of the column's cells with a value that have the shape. */
function shapeShares({ values, counts }: Column): Map<string, number> {
  const shares = new Map<string, number>()
  let total = 0
  values.forEach((value, code) => {
    if (isBlank(value) || isMissingWord(value)) return
    total += counts[code]!
    shares.set(shapeOf(value), (shares.get(shapeOf(value)) ?? 0) + counts[code]!)
  })
  for (const [shape, count] of shares) shares.set(shape, count / total)
  return shares
}
