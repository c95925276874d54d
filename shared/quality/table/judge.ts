/** @file All detectors on one table, and their evidence on each cell added up. */
import { composed } from './composed.ts'
import { damage } from './damage.ts'
import { dependency } from './dependency.ts'
import { type Detector, type Labels, logit, PRIOR, sigmoid, type Verdict, weightOf } from './detector.ts'
import { merged } from './merged.ts'
import { misplaced } from './misplaced.ts'
import { missing } from './missing.ts'
import { outlier } from './outlier.ts'
import { shape } from './shape.ts'
import { sources } from './sources.ts'
import { spelling } from './spelling.ts'
import type { Table } from './table.ts'
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
  composed,
  damage,
  dependency,
  sources,
]

/** Verdicts by cell, the cell being `row · columns + column`. */
export type Verdicts = Map<number, Verdict[]>

export function collectVerdicts(table: Table, labels: Labels, detectors = DETECTORS): Verdicts {
  const verdicts: Verdicts = new Map()
  for (const detector of detectors)
    for (const { row, column, verdict } of detector.find(table, labels)) {
      const cell = row * table.columns.length + column
      const list = verdicts.get(cell)
      if (list) list.push(verdict)
      else verdicts.set(cell, [verdict])
    }
  return verdicts
}

/** Probability of an error, the detectors taken as independent given the truth. */
export const combine = (verdicts: readonly Verdict[]): number =>
  sigmoid(verdicts.reduce((sum, verdict) => sum + weightOf(verdict), logit(PRIOR)))
