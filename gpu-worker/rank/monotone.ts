/**
 * @file Whether a ranker goes the way that sense asks: an item that fits better must not score lower. Checked, not forced: each sampled
 * row is raised in one feature, step by step, and each fall of the score counts.
 */
import { createRandom } from '../../shared/lib/random.ts'

const ROWS_MAX = 500
const LEVELS = 11
/** Of the largest score seen: a smaller fall is rounding, and changes no list. */
const FALL_MIN = 1e-3

export type Monotonicity = {
  column: number
  /** Share of the rows in which the score fell somewhere on the way from 0 to 1. */
  violations: number
  /** Largest fall, as a share of the largest score. */
  worstFall: number
}

/**
 * @param score of f32[n, columns], as `buildScorer` gives it
 * @param rows  f32[columns] each
 */
export async function checkMonotone(
  score: (features: Float32Array, rows: number) => Promise<Float32Array>,
  rows: readonly Float32Array[],
  columns: readonly number[],
  seed = 1,
): Promise<Monotonicity[]> {
  const random = createRandom(seed)
  const picked =
    rows.length <= ROWS_MAX
      ? rows
      : Array.from({ length: ROWS_MAX }, () => rows[Math.floor(random() * rows.length)]!)
  const found: Monotonicity[] = []
  for (const column of columns) {
    const width = picked[0]!.length
    const grid = new Float32Array(picked.length * LEVELS * width)
    picked.forEach((row, at) => {
      for (let level = 0; level < LEVELS; level++) {
        const from = (at * LEVELS + level) * width
        grid.set(row, from)
        grid[from + column] = level / (LEVELS - 1)
      }
    })
    const scores = await score(grid, picked.length * LEVELS)
    const largest = scores.reduce((most, value) => Math.max(most, value), 0)
    const falls = picked.map((_, at) => {
      let [worst, top] = [0, Number.NEGATIVE_INFINITY]
      for (let level = 0; level < LEVELS; level++) {
        const value = scores[at * LEVELS + level]!
        top = Math.max(top, value)
        worst = Math.max(worst, top - value)
      }
      return largest === 0 ? 0 : worst / largest
    })
    found.push({
      column,
      violations: falls.filter((fall) => fall > FALL_MIN).length / falls.length,
      worstFall: Math.max(...falls),
    })
  }
  return found
}
