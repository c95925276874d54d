/** @file Values of another shape than nearly all of their column: "9x%" among percentages, "hfx1" among codes. */
import { byValue, type Detector } from './detector.ts'
import type { Column } from './table.ts'
import { isMissing, shapeOf } from './values.ts'

/** A shape of at least this share of the rows is usual. */
const USUAL_SHARE_MIN = 0.03
const RARE_SHARE_MAX = 0.01
/** The usual shapes must cover this much of a column, or it has no pattern to break. */
const REGULAR_SHARE_MIN = 0.9
const ROWS_MIN = 20

export const shape: Detector = {
  id: 'shape',
  source: 'pattern violations as in Raha, Mahdavi et al., SIGMOD 2019',
  *find(table) {
    for (const [index, column] of table.columns.entries()) {
      const profile = profileShapes(column)
      if (profile === null) continue
      const { shapes, regular, rows, usual } = profile
      yield* byValue(column, index, (value) => {
        if (isMissing(value)) return null
        const own = shapeOf(value)
        if (shapes.get(own)! > RARE_SHARE_MAX * rows) return null
        // How regular the column is says how odd the odd one is.
        const confidence = 0.5 + 0.45 * ((regular - REGULAR_SHARE_MIN) / (1 - REGULAR_SHARE_MIN))
        return {
          detector: 'shape',
          confidence,
          reason: `of the shape "${own.slice(0, 40)}", where ${Math.floor(regular * 100)} % of the column are "${usual.join('" or "')}"`,
        }
      })
    }
  },
}

/** Rows by shape, if a few shapes with digits or marks make up the column. */
function profileShapes({ values, counts }: Column) {
  const shapes = new Map<string, number>()
  let rows = 0
  values.forEach((value, code) => {
    if (isMissing(value)) return
    const own = shapeOf(value)
    shapes.set(own, (shapes.get(own) ?? 0) + counts[code]!)
    rows += counts[code]!
  })
  if (rows < ROWS_MIN) return null
  const usual = [...shapes].filter(([, count]) => count >= USUAL_SHARE_MIN * rows).sort((a, b) => b[1] - a[1])
  const regular = usual.reduce((sum, [, count]) => sum + count, 0) / rows
  // Words have as many shapes as there are ways to write; only codes, numbers and dates keep to a pattern.
  const coded = usual.reduce((sum, [one, count]) => sum + (/9/.test(one) ? count : 0), 0) / rows
  if (regular < REGULAR_SHARE_MIN || coded < 0.5) return null
  return { shapes, regular, rows, usual: usual.slice(0, 2).map(([one]) => one) }
}
