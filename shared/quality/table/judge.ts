/** @file All detectors on one table, their evidence on each cell added up, and what labels teach: the cells to suspect. */
import { arithmetic } from './arithmetic.ts'
import { composed } from './composed.ts'
import { damage } from './damage.ts'
import { dates } from './dates.ts'
import { dependency } from './dependency.ts'
import {
  type Detector,
  type Evidence,
  type Labels,
  logit,
  PRIOR,
  sigmoid,
  type Verdict,
  weightOf,
} from './detector.ts'
import { learnFromLabels } from './learn.ts'
import { merged } from './merged.ts'
import { misplaced } from './misplaced.ts'
import { missing } from './missing.ts'
import { outlier } from './outlier.ts'
import { createRepairer } from './repair.ts'
import { shape } from './shape.ts'
import { sources } from './sources.ts'
import { spelling } from './spelling.ts'
import { type Table, valueAt } from './table.ts'
import { unit } from './unit.ts'
import { variant } from './variant.ts'

export const DETECTORS: readonly Detector[] = [
  missing,
  unit,
  shape,
  spelling,
  variant,
  merged,
  misplaced,
  outlier,
  arithmetic,
  composed,
  damage,
  dates,
  dependency,
  sources,
]

/** Verdicts by cell, the cell being `row · columns + column`. */
export type Verdicts = Map<number, Verdict[]>
export type Collected = {
  verdicts: Verdicts
  /** Detectors that threw: what they said is left out, and the others go on. */
  failed: { detector: string; reason: string }[]
}

export function collectVerdicts(table: Table, labels: Labels, detectors = DETECTORS): Collected {
  const verdicts: Verdicts = new Map()
  const failed: Collected['failed'] = []
  for (const detector of detectors) {
    const found = findSafely(detector, table, labels)
    if (typeof found === 'string') failed.push({ detector: detector.id, reason: found })
    else
      for (const { row, column, verdict } of found) {
        const cell = row * table.columns.length + column
        const list = verdicts.get(cell)
        if (list) list.push(verdict)
        else verdicts.set(cell, [verdict])
      }
  }
  return { verdicts, failed }
}

/** All that a detector finds, or why it broke. One broken rule must not cost a table all others. */
function findSafely(detector: Detector, table: Table, labels: Labels): Evidence[] | string {
  try {
    return [...detector.find(table, labels)]
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Probability of an error, the detectors taken as independent given the truth. */
export const combine = (verdicts: readonly Verdict[]): number =>
  sigmoid(verdicts.reduce((sum, verdict) => sum + weightOf(verdict), logit(PRIOR)))

export type Suspect = {
  row: number
  /** Index of the column. */
  column: number
  value: string
  reason: string
  confidence: number
  /** What should stand there; absent where nothing is sure enough. */
  repair?: string
}

export const CONFIDENCE_MIN = 0.5
const NO_VERDICTS: readonly Verdict[] = []

export type Judged = {
  /** By row, then column. */
  suspects: Suspect[]
  failed: Collected['failed']
}

/** The cells that are more likely wrong than right. */
export function judgeTable(table: Table, labels: Labels, detectors = DETECTORS): Judged {
  const { verdicts, failed } = collectVerdicts(table, labels, detectors)
  const learnt = labels.size > 0 ? learnFromLabels(table, verdicts, labels) : null
  const repair = createRepairer(table, verdicts, labels)
  const suspects: Suspect[] = []
  for (let row = 0; row < table.rowCount; row++)
    for (const [index, column] of table.columns.entries()) {
      const value = valueAt(column, row)
      const label = labels.get(row)?.[index]
      if (label !== undefined) {
        if (label !== value)
          suspects.push({
            row,
            column: index,
            value,
            reason: 'a label says so',
            confidence: 1,
            repair: label,
          })
        continue
      }
      const cell = row * table.columns.length + index
      const said = verdicts.get(cell) ?? NO_VERDICTS
      const confidence = learnt ? learnt[cell]! : combine(said)
      if (confidence < CONFIDENCE_MIN) continue
      const repaired = repair(row, index, said)
      const suspect = { row, column: index, value, reason: reasonOf(said), confidence }
      suspects.push(repaired === null ? suspect : { ...suspect, repair: repaired })
    }
  return { suspects, failed }
}

/** The surest of what speaks against the cell, each rule by its name. */
function reasonOf(verdicts: readonly Verdict[]): string {
  const against = verdicts
    .filter(({ confidence }) => confidence > PRIOR)
    .sort((a, b) => b.confidence - a.confidence)
  return against.length === 0
    ? 'labels: like cells that were labelled as wrong'
    : against
        .slice(0, REASONS_MAX)
        .map(({ detector, reason }) => `${detector}: ${reason}`)
        .join('; ')
}
const REASONS_MAX = 2
