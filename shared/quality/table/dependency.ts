/**
 * @file Functional dependencies, found in the data and not declared: rows that agree in one column nearly always agree
 * in another. A cell that breaks one against the vote of its group is suspected; one that keeps it is vouched for.
 */
import { type Detector, type Evidence, logit, PRIOR, sigmoid } from './detector.ts'
import { agreementOf, type Groups, groupingColumns, groupRows, missingCodes } from './groups.ts'
import { findReports } from './sources.ts'
import { type Table, valueAt } from './table.ts'

export type Dependency = {
  from: number
  to: number
  /** How near to a function, from 0 (no more than chance) to 1. */
  strength: number
  /** Share of the cells of `to` that are right, as the agreement says. */
  accuracy: number
  /** How many wrong values there are to choose from. */
  wrongValues: number
  /** Too loose to decide alone. */
  isWeak: boolean
}

/** Goodman and Kruskal's tau, near enough: agreement beyond chance. */
const STRENGTH_MIN = 0.8
/** Where values are nearly unique to their group, less will do: chance cannot make even that. */
const STRENGTH_MIN_OF_NAMES = 0.5
const NAMES_OVERALL_MAX = 0.02
/**
 * In a column of few values, errors alone bring the agreement down: from here on, a value that no group is for is weakly
 * suspected.
 */
const STRENGTH_MIN_OF_FEW = 0.4
const FEW_OVERALL_MIN = 0.2
const WEAK_WEIGHT_MAX = 2.5
const ROWS_MIN = 10
const WRONG_VALUES_MAX = 50
/** Belief that a group has two right values, before its rows are seen ("Portland" is in two states). */
const TWO_TRUTHS = 0.05
/** What one dependency may add to or take from a cell's log-odds. */
const WEIGHT_MAX = 7
const WEIGHT_MIN = -3

export function findDependencies(table: Table): Dependency[] {
  const columns = groupingColumns(table)
  const absent = table.columns.map(missingCodes)
  return columns.flatMap((from) => {
    const groups = groupRows(table.columns[from]!)
    return columns.flatMap((to) => {
      if (from === to) return []
      const { within, overall, rows } = agreementOf(groups, table.columns[to]!, absent[to]!)
      if (rows < ROWS_MIN || overall > 0.999) return []
      const strength = (within - overall) / (1 - overall)
      const enough =
        overall <= NAMES_OVERALL_MAX
          ? STRENGTH_MIN_OF_NAMES
          : overall >= FEW_OVERALL_MIN
            ? STRENGTH_MIN_OF_FEW
            : STRENGTH_MIN
      if (strength < enough) return []
      const wrongValues = Math.min(WRONG_VALUES_MAX, Math.max(1, 1 / overall - 1))
      const accuracy = Math.min(0.995, Math.sqrt(within))
      return [
        {
          from,
          to,
          strength,
          accuracy,
          wrongValues,
          isWeak: strength < STRENGTH_MIN && enough < STRENGTH_MIN_OF_NAMES,
        },
      ]
    })
  })
}

export const dependency: Detector = {
  id: 'dependency',
  source:
    'approximate dependencies: Huhtala et al., TANE 1999; vote: the ACCU model of Dong et al., PVLDB 2009',
  *find(table) {
    // Where sources contradict each other, a plain vote would only repeat them.
    const reported = findReports(table)?.attributes ?? []
    const found = findDependencies(table).filter(
      ({ from, to }) => !reported.includes(from) && !reported.includes(to),
    )
    for (const to of new Set(found.map((one) => one.to)))
      yield* voteOn(
        table,
        to,
        found.filter((one) => one.to === to),
      )
  },
}

/** What the groups of all dependencies on a column say of its cells, together. */
function* voteOn(table: Table, to: number, dependencies: readonly Dependency[]): Generator<Evidence> {
  const weights = new Float64Array(table.rowCount)
  const winners = new Int32Array(table.rowCount).fill(-1)
  const winnerWeights = new Float64Array(table.rowCount)
  const because = new Int32Array(table.rowCount).fill(-1)
  const column = table.columns[to]!
  const isAbsent = missingCodes(column)
  const weak = dependencies.filter((one) => one.isWeak).length
  for (const one of dependencies)
    eachVote(groupRows(table.columns[one.from]!), column.codes, isAbsent, one, (row, voted, winner) => {
      // Weak ones share what one may say: they are mostly the same fact in several columns.
      const weight = one.isWeak ? Math.min(voted, WEAK_WEIGHT_MAX) / weak : voted
      weights[row]! += weight
      if (weight <= winnerWeights[row]!) return
      winnerWeights[row] = weight
      winners[row] = winner
      because[row] = one.from
    })
  for (let row = 0; row < table.rowCount; row++) {
    const weight = weights[row]!
    if (weight === 0) continue
    const confidence = sigmoid(logit(PRIOR) + weight)
    if (winners[row]! < 0 || weight < 0)
      yield {
        row,
        column: to,
        verdict: { detector: 'dependency', confidence, reason: 'agrees with its group' },
      }
    else {
      const from = table.columns[because[row]!]!
      const repair = column.values[winners[row]!]!
      const reason = `${isAbsent[column.codes[row]!] ? 'missing, but' : 'but'} rows with ${from.name} "${valueAt(from, row).slice(0, 40)}" have "${repair.slice(0, 60)}"`
      yield { row, column: to, verdict: { detector: 'dependency', confidence, reason, repair } }
    }
  }
}

type Vote = (row: number, weight: number, winner: number) => void

function eachVote(
  groups: Groups,
  codes: Int32Array,
  isAbsent: readonly boolean[],
  rule: Dependency,
  vote: Vote,
): void {
  for (let group = 0; group + 1 < groups.starts.length; group++) {
    const rows = groups.rows.subarray(groups.starts[group]!, groups.starts[group + 1]!)
    if (rows.length < 2) continue
    const counts = new Map<number, number>()
    for (const row of rows) {
      const code = codes[row]!
      if (!isAbsent[code]) counts.set(code, (counts.get(code) ?? 0) + 1)
    }
    const [winner, second] = topTwo(counts)
    for (const row of rows) {
      const code = codes[row]!
      const weight = isAbsent[code]
        ? weightOfAbsence(counts.get(winner) ?? 0, rows.length, rule)
        : code === winner
          ? -vouch(counts.get(code)!, counts.get(second) ?? 0)
          : weightAgainst(counts.get(code)!, counts.get(winner)!, rule)
      if (weight !== 0) vote(row, weight, winner)
    }
  }
}

function topTwo(counts: ReadonlyMap<number, number>): [number, number] {
  let [first, second] = [-1, -1]
  for (const [code, count] of counts)
    if (first < 0 || count > counts.get(first)!) [first, second] = [code, first]
    else if (second < 0 || count > counts.get(second)!) second = code
  return [first, second]
}

/** Others that have the same value speak for it; half as many for another take that back. */
const vouch = (own: number, second: number): number =>
  own < 2 ? 0 : Math.min(-WEIGHT_MIN, Math.max(0, own - 1 - second))

/**
 * Three stories of a group: the winner is right, the own value is, or both are. Each row is right with the probability
 * `accuracy`, and a wrong one takes any of the wrong values.
 */
function weightAgainst(
  own: number,
  winner: number,
  { accuracy, wrongValues, strength, isWeak }: Dependency,
): number {
  const wrong = Math.log((1 - accuracy) / wrongValues)
  const right = Math.log(accuracy)
  const winnerIsRight = winner * right + own * wrong
  const ownIsRight = own * right + winner * wrong
  const bothAre =
    Math.log(TWO_TRUTHS) + winner * Math.log(winner / (winner + own)) + own * Math.log(own / (winner + own))
  const against =
    winnerIsRight -
    Math.log(Math.exp(ownIsRight - winnerIsRight) + Math.exp(bothAre - winnerIsRight)) -
    winnerIsRight
  return Math.max(
    WEIGHT_MIN,
    Math.min(isWeak ? WEAK_WEIGHT_MAX : WEIGHT_MAX * strength ** 2, against - logit(PRIOR)),
  )
}

/** A missing value where the group knows one: wrong as far as the group has it otherwise. */
function weightOfAbsence(winner: number, size: number, { strength, isWeak }: Dependency): number {
  if (winner === 0 || isWeak) return 0
  const share = winner / size
  const confidence = strength * (winner === 1 ? 0.5 : 0.5 + 0.45 * share)
  return logit(confidence) - logit(PRIOR)
}
