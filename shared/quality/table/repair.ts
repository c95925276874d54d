/** @file What should stand in a suspected cell. */
import type { Labels, Verdict } from './detector.ts'
import type { Verdicts } from './judge.ts'
import { type Table, valueAt } from './table.ts'
import { type Example, learnTransforms, type Transform } from './transform.ts'

/** The repaired value of a cell; null where none is known. */
export type Repairer = (row: number, column: number, verdicts: readonly Verdict[]) => string | null

/**
 * Changes that labels teach come first, then the repair of the surest detector, but for detectors whose repairs in the
 * column the labels refute.
 */
export function createRepairer(table: Table, verdicts: Verdicts, labels: Labels): Repairer {
  const learnt = table.columns.map((_, index) => learnColumn(table, index, labels))
  const refuted = refutedDetectors(table, verdicts, labels)
  return (row, column, said) => {
    const value = valueAt(table.columns[column]!, row)
    for (const transform of learnt[column]!) {
      const changed = transform.apply(value)
      if (changed !== null && changed !== value) return changed
    }
    const best = said
      .filter(
        ({ detector, repair }) =>
          repair !== undefined && repair !== value && !refuted.has(`${column} ${detector}`),
      )
      .sort((a, b) => b.confidence - a.confidence)[0]
    return best?.repair ?? null
  }
}

function learnColumn(table: Table, index: number, labels: Labels): Transform[] {
  const examples: Example[] = []
  const kept: string[] = []
  for (const [row, fields] of labels) {
    const [dirty, clean] = [valueAt(table.columns[index]!, row), fields[index]]
    if (clean === undefined) continue
    if (dirty === clean) kept.push(clean)
    else examples.push({ dirty, clean })
  }
  return examples.length === 0 ? [] : learnTransforms(examples, kept)
}

/** `column detector` where labels contradict more of its repairs than they confirm. */
function refutedDetectors(table: Table, verdicts: Verdicts, labels: Labels): Set<string> {
  const balance = new Map<string, number>()
  for (const [row, fields] of labels)
    for (const index of table.columns.keys())
      for (const { detector, repair } of verdicts.get(row * table.columns.length + index) ?? []) {
        if (repair === undefined || fields[index] === undefined) continue
        const key = `${index} ${detector}`
        balance.set(key, (balance.get(key) ?? 0) + (repair === fields[index] ? 1 : -1))
      }
  return new Set([...balance].filter(([, sum]) => sum < 0).map(([key]) => key))
}
