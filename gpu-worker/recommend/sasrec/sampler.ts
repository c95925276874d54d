/** @file Negatives for catalogues whose whole softmax would be too dear: items drawn by how often they occur, to a power. */
import type { Sample } from './next-item-task.ts'

/** Source: Mikolov et al., NeurIPS 2013, §2.2. */
const POWER = 0.75

/**
 * Draws with replacement. `logExpected` is ln(count · q(item)), to be taken from an item's logit: the sum over the sample then
 * stands for that over the catalogue. Source: Bengio, Senécal, IEEE TNN 19(4), 2008; Yi et al., RecSys 2019.
 */
export function createSampler(histories: readonly Uint32Array[], itemCount: number, count: number) {
  const upTo = new Float64Array(itemCount)
  for (const items of histories) for (const item of items) upTo[item]! += 1
  let total = 0
  for (let item = 0; item < itemCount; item++) upTo[item] = total += upTo[item]! ** POWER
  return (random: () => number): Sample => {
    const items = Uint32Array.from({ length: count }, () => firstAbove(upTo, random() * total))
    const logExpected = Float32Array.from(items, (item) =>
      Math.log((count * (upTo[item]! - (item > 0 ? upTo[item - 1]! : 0))) / total),
    )
    return { items, logExpected }
  }
}

/** The first place whose number, in ascending order, lies above x. */
function firstAbove(ascending: Float64Array, x: number): number {
  let from = 0
  let to = ascending.length - 1
  while (from < to) {
    const middle = (from + to) >> 1
    if (ascending[middle]! > x) to = middle
    else from = middle + 1
  }
  return from
}
