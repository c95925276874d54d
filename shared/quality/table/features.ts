/** @file What a learner sees of a cell: how its value is made, how frequent it is, what its row lacks, and what the detectors say. */
import type { Verdict } from './detector.ts'
import type { Table } from './table.ts'
import { isBlank, isMissing, isMissingWord, shapeOf } from './values.ts'

const LENGTH_STEPS = [0, 1, 2, 4, 8, 16, 32, 64, 128]
const CHARACTERS_MAX = 40
const SHAPE_CHARS_MAX = 60
/** A column that is blank in less or more of the rows than this tells nothing of a row. */
const LACK_SHARE = [0.02, 0.98] as const
const LACKS_MAX = 12

/** Names of what holds for every cell that has the value. Source: the strategies of Raha, SIGMOD 2019. */
export function featuresOfValue(value: string, count: number, rowCount: number): string[] {
  const shape = shapeOf(value)
  const kinds = new Set(shape)
  return [
    `shape ${shape.slice(0, SHAPE_CHARS_MAX)}`,
    `length ${LENGTH_STEPS.findLastIndex((step) => value.length >= step)}`,
    ...(count > 1 ? [`value ${value}`] : []),
    count === 1 ? 'once' : count < 0.01 * rowCount ? 'seldom' : count < 0.1 * rowCount ? 'often' : 'usual',
    ...(isBlank(value) ? ['blank'] : isMissingWord(value) ? ['missing word'] : []),
    ...[...kinds].slice(0, CHARACTERS_MAX).map((kind) => `has ${kind}`),
    ...['A', 'a', '9', ' '].filter((kind) => !kinds.has(kind)).map((kind) => `no ${kind}`),
    `starts ${shape[0] ?? ''}`,
    `ends ${shape.at(-1) ?? ''}`,
    `case ${caseOf(value)}`,
  ]
}

/** How a text uses capitals. */
export function caseOf(value: string): 'none' | 'upper' | 'lower' | 'mixed' {
  const [upper, lower] = [/\p{Lu}/u.test(value), /\p{Ll}/u.test(value)]
  return upper ? (lower ? 'mixed' : 'upper') : lower ? 'lower' : 'none'
}

/** Names of what the detectors say: which suspect the cell, which vouch for it. */
export const featuresOfVerdicts = (verdicts: readonly Verdict[]): string[] => [
  ...new Set(
    verdicts.map(
      ({ detector, confidence }) =>
        `${confidence >= 0.5 ? 'suspected by' : confidence < 0.01 ? 'vouched by' : 'doubted by'} ${detector}`,
    ),
  ),
]

/** For a row, which of the columns that are blank at times are blank there. */
export function lacksOf(table: Table): (row: number) => string[] {
  const sparse = table.columns
    .map((column) => ({ column, isAbsent: column.values.map(isMissing) }))
    .filter(({ column, isAbsent }) => {
      const rows = column.counts.reduce((sum, count, code) => sum + (isAbsent[code] ? count : 0), 0)
      return rows >= LACK_SHARE[0] * table.rowCount && rows <= LACK_SHARE[1] * table.rowCount
    })
    .slice(0, LACKS_MAX)
  return (row) =>
    sparse.map(({ column, isAbsent }) => `${isAbsent[column.codes[row]!] ? 'lacks' : 'knows'} ${column.name}`)
}
