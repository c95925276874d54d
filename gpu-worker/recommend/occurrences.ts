/** @file Where each item occurs in the sequences: the sequences turned over. */
import type { Sequences } from './next-item.ts'

/** Occurrences [starts[i], starts[i + 1]) are those of item i, in the order of the sequences and of the places in them. */
export type Occurrences = { starts: Uint32Array; sequence: Uint32Array; place: Uint32Array }

export function occurrencesOf({ itemCount, sequences }: Sequences): Occurrences {
  const starts = new Uint32Array(itemCount + 1)
  for (const items of sequences) for (const item of items) starts[item + 1]!++
  for (let item = 0; item < itemCount; item++) starts[item + 1]! += starts[item]!
  const next = starts.slice(0, itemCount)
  const sequence = new Uint32Array(starts[itemCount]!)
  const place = new Uint32Array(starts[itemCount]!)
  sequences.forEach((items, number) => {
    items.forEach((item, at) => {
      const to = next[item]!++
      sequence[to] = number
      place[to] = at
    })
  })
  return { starts, sequence, place }
}

/** u32[itemCount]: events of each item. */
export function countEvents({ itemCount, sequences }: Sequences): Uint32Array {
  const counts = new Uint32Array(itemCount)
  for (const items of sequences) for (const item of items) counts[item]!++
  return counts
}
