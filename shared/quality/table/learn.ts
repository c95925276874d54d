/**
 * @file What labelled rows teach of all others: a logistic regression that starts from what the detectors say and learns
 * by how far, and for which values of which columns, they err. Weights of a feature are a shared one and one of the
 * column, so that a few labels of one column help the others (Daumé III, Frustratingly easy domain adaptation, ACL 2007).
 */
import { type Labels, logit, sigmoid } from './detector.ts'
import { featuresOfValue, featuresOfVerdicts, lacksOf } from './features.ts'
import { combine, type Verdicts } from './judge.ts'
import { type Table, valueAt } from './table.ts'

/** How far the detectors alone can carry a cell, in log-odds: labels must be able to overrule them. */
const OFFSET_MAX = 3
/** Strength of the prior that a feature means nothing. */
const PENALTY = 0.15
const SWEEPS = 50

type Cell = { offset: number; features: number[] }

/** @returns probability of an error by cell, the cell being `row · columns + column` */
export function learnFromLabels(table: Table, verdicts: Verdicts, labels: Labels): Float64Array {
  const ids = new Map<string, number>()
  const idOf = (name: string) => ids.get(name) ?? ids.set(name, ids.size).get(name)!
  const lacks = lacksOf(table)
  const byValue = table.columns.map(({ values, counts }, index) =>
    values.map((value, code) =>
      featuresOfValue(value, counts[code]!, table.rowCount).map((name) => idOf(`${index} ${name}`)),
    ),
  )
  const cellAt = (row: number, index: number, rowLacks: readonly string[]): Cell => {
    const said = verdicts.get(row * table.columns.length + index) ?? []
    const offset = Math.max(-OFFSET_MAX, Math.min(OFFSET_MAX, logit(combine(said))))
    const features = [...byValue[index]![table.columns[index]!.codes[row]!]!, idOf(`${index}`)]
    for (const name of featuresOfVerdicts(said)) features.push(idOf(name), idOf(`${index} ${name}`))
    for (const name of rowLacks) features.push(idOf(`${index} ${name}`))
    return { offset, features }
  }
  const cells: Cell[] = []
  const wrong: boolean[] = []
  for (const [row, clean] of labels)
    for (const [index, column] of table.columns.entries()) {
      if (clean[index] === undefined) continue
      cells.push(cellAt(row, index, lacks(row)))
      wrong.push(valueAt(column, row) !== clean[index])
    }
  const weights = fit(cells, wrong, ids.size)
  const probabilities = new Float64Array(table.rowCount * table.columns.length)
  for (let row = 0; row < table.rowCount; row++) {
    const rowLacks = lacks(row)
    for (const index of table.columns.keys()) {
      const { offset, features } = cellAt(row, index, rowLacks)
      const sum = features.reduce((total, id) => total + (weights[id] ?? 0), offset)
      probabilities[row * table.columns.length + index] = sigmoid(sum)
    }
  }
  return probabilities
}

/** Penalised maximum likelihood by Newton steps, one weight at a time. */
function fit(cells: readonly Cell[], wrong: readonly boolean[], size: number): Float64Array {
  const weights = new Float64Array(size)
  const cellsOf = new Map<number, number[]>()
  cells.forEach(({ features }, at) => {
    for (const id of features) (cellsOf.get(id) ?? cellsOf.set(id, []).get(id)!).push(at)
  })
  const sums = Float64Array.from(cells, ({ offset }) => offset)
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (const [id, list] of cellsOf) {
      let gradient = PENALTY * weights[id]!
      let curvature = PENALTY
      for (const at of list) {
        const p = sigmoid(sums[at]!)
        gradient += p - (wrong[at] ? 1 : 0)
        curvature += p * (1 - p)
      }
      const step = gradient / curvature
      weights[id]! -= step
      for (const at of list) sums[at]! -= step
    }
  return weights
}
