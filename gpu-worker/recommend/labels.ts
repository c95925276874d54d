/** @file What items have in common by their labels (brand, categories), as numbers that a ranker can learn from. */

/** Labels by number; those of an item in the order of its catalogue, for categories from wide to narrow. */
export type Labels = {
  /** Entries [starts[i], starts[i + 1]) are the labels of item i. */
  starts: Uint32Array
  numbers: Uint32Array
  /** f32[labels]: ln(items / items with it). */
  idf: Float32Array
}

export const LABEL_FEATURES = [
  'labels in common with the last item',
  'labels in common with the history',
  'first label in the history',
  'narrowest label in the history',
  'narrowest label of the last item',
] as const

export function numberLabels(items: readonly { labels: readonly string[] }[]): Labels {
  const numberOf = new Map<string, number>()
  const counts: number[] = []
  const numbers: number[] = []
  const starts = new Uint32Array(items.length + 1)
  items.forEach(({ labels }, item) => {
    for (const label of new Set(labels)) {
      const number = numberOf.get(label) ?? counts.push(0) - 1
      numberOf.set(label, number)
      counts[number]!++
      numbers.push(number)
    }
    starts[item + 1] = numbers.length
  })
  const idf = Float32Array.from(counts, (count) => Math.log(items.length / count))
  return { starts, numbers: Uint32Array.from(numbers), idf }
}

/**
 * @returns what to write for a candidate, in the order of LABEL_FEATURES: shares from 0 to 1, of the candidate's labels weighed by idf
 *          for what is in common, else of the events
 */
export function labelFeatures({ starts, numbers, idf }: Labels, history: Uint32Array) {
  const shares = new Map<number, number>()
  for (const item of history)
    for (let at = starts[item]!; at < starts[item + 1]!; at++)
      shares.set(numbers[at]!, (shares.get(numbers[at]!) ?? 0) + 1 / history.length)
  const last = history.at(-1)!
  const ofLast = new Set(numbers.subarray(starts[last], starts[last + 1]))
  const narrowest = ofLast.size > 0 ? numbers[starts[last + 1]! - 1] : undefined
  return (candidate: number, to: Float32Array, offset: number): void => {
    const [from, end] = [starts[candidate]!, starts[candidate + 1]!]
    if (from === end) return
    let all = 0
    let withLast = 0
    let withHistory = 0
    for (let at = from; at < end; at++) {
      const weight = idf[numbers[at]!]!
      all += weight
      if (ofLast.has(numbers[at]!)) withLast += weight
      withHistory += weight * (shares.get(numbers[at]!) ?? 0)
    }
    to[offset] = all > 0 ? withLast / all : 0
    to[offset + 1] = all > 0 ? withHistory / all : 0
    to[offset + 2] = shares.get(numbers[from]!) ?? 0
    to[offset + 3] = shares.get(numbers[end - 1]!) ?? 0
    to[offset + 4] = numbers[end - 1] === narrowest ? 1 : 0
  }
}
