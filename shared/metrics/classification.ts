/** @file How well labels are guessed. */
import { assert } from '../lib/result.ts'

export type Classification = {
  accuracy: number
  /** Mean F1 over the classes that occur. */
  macroF1: number
  /** By class: F1 = 2 P R / (P + R); 0 for a class that is never met nor guessed. */
  f1: number[]
}

/** @param labels, guesses class numbers below `classes`, of equal length */
export function classify(
  labels: readonly number[],
  guesses: readonly number[],
  classes: number,
): Classification {
  assert(labels.length === guesses.length, 'each label has a guess')
  const right = new Float64Array(classes)
  const met = new Float64Array(classes)
  const guessed = new Float64Array(classes)
  labels.forEach((label, at) => {
    const guess = guesses[at]!
    assert(label >= 0 && label < classes && guess >= 0 && guess < classes, `labels lie below ${classes}`)
    met[label]!++
    guessed[guess]!++
    if (label === guess) right[label]!++
  })
  const f1 = Array.from(right, (count, one) => (2 * count) / Math.max(1, met[one]! + guessed[one]!))
  const occurring = f1.filter((_, one) => met[one]! > 0)
  return {
    accuracy: right.reduce((sum, count) => sum + count, 0) / Math.max(1, labels.length),
    macroF1: occurring.reduce((sum, value) => sum + value, 0) / Math.max(1, occurring.length),
    f1,
  }
}
