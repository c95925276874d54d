/** @file What a detector of errors is: it names cells, with how sure it is, why, and what should stand there. */
import type { Column, Table } from './table.ts'

/** Share of cells that are wrong before anything is known of them. */
export const PRIOR = 0.02

export type Verdict = {
  detector: string
  /** Probability of an error if this were all that is known of the cell; below `PRIOR` it speaks for the cell. */
  confidence: number
  /** A plain sentence without a full stop. */
  reason: string
  repair?: string
}
export type Evidence = { row: number; column: number; verdict: Verdict }

/** Clean rows that a person gave: fields by column, by row; undefined where nothing was said of a cell. */
export type Labels = ReadonlyMap<number, readonly (string | undefined)[]>

export type Detector = {
  id: string
  /** Where the rule comes from. */
  source: string
  /** @param labels what a person said of some rows; most detectors have no use for it */
  find(table: Table, labels: Labels): Iterable<Evidence>
}

/** The same verdict for every row that has the value. */
export function* byValue(
  column: Column,
  index: number,
  judge: (value: string, code: number) => Verdict | null,
): Generator<Evidence> {
  const verdicts = column.values.map(judge)
  if (verdicts.every((verdict) => verdict === null)) return
  for (let row = 0; row < column.codes.length; row++) {
    const verdict = verdicts[column.codes[row]!]
    if (verdict) yield { row, column: index, verdict }
  }
}

export const logit = (p: number): number => Math.log(p / (1 - p))
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** No single verdict is surer than this, so that others can still speak. */
const CONFIDENCE_MAX = 0.999
const CONFIDENCE_MIN = 1e-4
export const bound = (confidence: number): number =>
  Math.min(CONFIDENCE_MAX, Math.max(CONFIDENCE_MIN, confidence))

/** Weight of evidence in log-odds: what one verdict adds to the prior. Source: I. J. Good, 1950. */
export const weightOf = (verdict: Verdict): number => logit(bound(verdict.confidence)) - logit(PRIOR)
