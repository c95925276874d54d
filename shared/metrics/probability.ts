/** @file How good probabilities are: how far from what came, whether they are shares, and whether they order. */
import { assert } from '../lib/result.ts'

/** Keeps a probability that was wrong and sure from counting infinitely. */
const SMALLEST = 1e-7

/** Mean of −[y ln p + (1 − y) ln(1 − p)]; a label may lie beyond 1 where it was divided by a propensity. */
export function logLoss(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number {
  assert(probabilities.length === labels.length && labels.length > 0, 'each probability has a label')
  let sum = 0
  for (let at = 0; at < labels.length; at++) {
    const p = Math.min(1 - SMALLEST, Math.max(SMALLEST, probabilities[at]!))
    sum -= labels[at]! * Math.log(p) + (1 - labels[at]!) * Math.log(1 - p)
  }
  return sum / labels.length
}

/**
 * Expected calibration error: Σ over bins |mean p − mean y| · share of the rows. Bins have equally many rows, since most
 * probabilities of a shop are small.
 *
 * Source: Naeini, Cooper, Hauskrecht, AAAI 2015; bins of equal mass: Nguyen, O'Connor, EMNLP 2015.
 */
export function calibrationError(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins = 10,
): number {
  const order = Array.from({ length: labels.length }, (_, at) => at).sort(
    (a, b) => probabilities[a]! - probabilities[b]! || a - b,
  )
  let error = 0
  for (let bin = 0; bin < bins; bin++) {
    const rows = order.slice((bin * order.length) / bins, ((bin + 1) * order.length) / bins)
    error += Math.abs(rows.reduce((gap, row) => gap + probabilities[row]! - labels[row]!, 0))
  }
  return error / Math.max(1, labels.length)
}

/** How often a yes has a higher score than a no, ties half; null where all are one. Source: Mann, Whitney 1947. */
export function areaUnderCurve(scores: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  const order = Array.from({ length: labels.length }, (_, at) => at).sort((a, b) => scores[a]! - scores[b]!)
  let [ranks, yes] = [0, 0]
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) to++
    const rank = (from + 1 + to) / 2
    for (let at = from; at < to; at++)
      if (labels[order[at]!]! > 0) {
        ranks += rank
        yes++
      }
    from = to
  }
  const no = labels.length - yes
  return yes === 0 || no === 0 ? null : (ranks - (yes * (yes + 1)) / 2) / (yes * no)
}
