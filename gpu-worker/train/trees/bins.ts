/** @file Columns of numbers cut into at most 256 bins, so that a split is looked for among bins instead of values. */

/** Bins of a column. */
export const BINS_MAX = 256

export type Binned = {
  /** By feature, the bin of each row. */
  columns: readonly Uint8Array[]
  /** By feature, the upper ends of all bins but the last, rising: bin b holds edges[b − 1] < x ≤ edges[b]. */
  edges: readonly Float64Array[]
}

/** @param rows f32[rows][features], finite; at least one row */
export function bin(rows: readonly Float32Array[]): Binned {
  const features = Array.from(rows[0]!.keys())
  const edges = features.map((feature) => edgesOf(Float32Array.from(rows, (row) => row[feature]!).sort()))
  const columns = features.map((feature) =>
    Uint8Array.from(rows, (row) => placeOf(edges[feature]!, row[feature]!)),
  )
  return { columns, edges }
}

/** Half-way between neighbouring values: all of them, or those that cut the rows into bins of like size. */
function edgesOf(sorted: Float32Array): Float64Array {
  const distinct = sorted.filter((value, at) => at === 0 || value !== sorted[at - 1])
  const edges: number[] = []
  const cutAfter = (place: number) => {
    const edge = (distinct[place]! + distinct[place + 1]!) / 2
    if (edge > (edges.at(-1) ?? Number.NEGATIVE_INFINITY)) edges.push(edge)
  }
  if (distinct.length <= BINS_MAX) {
    for (let place = 0; place + 1 < distinct.length; place++) cutAfter(place)
  } else {
    for (let cut = 1; cut < BINS_MAX; cut++) {
      const value = sorted[Math.floor((cut * sorted.length) / BINS_MAX)]!
      cutAfter(Math.min(distinct.length - 2, placeOf(distinct, value)))
    }
  }
  return Float64Array.from(edges)
}

/** First place whose value is at least x; the length where none is. */
function placeOf(rising: ArrayLike<number>, x: number): number {
  let low = 0
  let high = rising.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (rising[middle]! < x) low = middle + 1
    else high = middle
  }
  return low
}
