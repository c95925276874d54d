/**
 * @file For each of many vectors the nearest of many others: a product of matrices on the inference runtime, and of each of
 * its rows the best. A loop in JavaScript takes minutes where a shop has 50,000 items and 6,000 judged queries.
 */
import { createGraph } from '../graph/ops.ts'
import { type Computing, openSession } from '../runtime/session.ts'

/** Scores of one run, f32: 64 MB. */
const SCORES_MAX = 2 ** 24

/**
 * @param queries   f32[dim] each
 * @param documents f32[dim] each
 * @returns for each query the places of the `count` documents with the largest inner product, best first; ties by place
 */
export async function findNearest(
  queries: readonly Float32Array[],
  documents: readonly Float32Array[],
  count: number,
  { threads }: Computing,
): Promise<number[][]> {
  const dim = documents[0]?.length
  if (dim === undefined || queries.length === 0) return queries.map(() => [])
  const g = createGraph('nearest')
  const asked = g.input('queries', 'f32', ['Q', dim])
  const given = g.input('documents', 'f32', ['D', dim])
  g.output(g.matMulTransposed(asked, given), 'scores')
  const session = await openSession(g.toModel(), { threads, plansMemory: false })
  try {
    const all = stack(documents, dim)
    const batch = Math.max(1, Math.floor(SCORES_MAX / documents.length))
    const found: number[][] = []
    for (let from = 0; from < queries.length; from += batch) {
      const rows = queries.slice(from, from + batch)
      const { scores } = await session.run({ queries: stack(rows, dim), documents: all })
      for (let row = 0; row < rows.length; row++)
        found.push(best(scores!.data.subarray(row * documents.length, (row + 1) * documents.length), count))
    }
    return found
  } finally {
    await session.close()
  }
}

function stack(rows: readonly Float32Array[], dim: number) {
  const data = new Float32Array(rows.length * dim)
  rows.forEach((row, at) => {
    data.set(row, at * dim)
  })
  return { data, dims: [rows.length, dim] }
}

/** Places of the `count` largest, largest first. What is kept is cut when it is twice too long, so that most scores cost one comparison. */
function best(scores: Float32Array, count: number): number[] {
  const compare = (a: number, b: number) => scores[b]! - scores[a]! || a - b
  const kept: number[] = []
  let threshold = Number.NEGATIVE_INFINITY
  for (let place = 0; place < scores.length; place++) {
    if (scores[place]! <= threshold) continue
    kept.push(place)
    if (kept.length < 2 * count) continue
    kept.sort(compare).length = count
    threshold = scores[kept[count - 1]!]!
  }
  return kept.sort(compare).slice(0, count)
}
