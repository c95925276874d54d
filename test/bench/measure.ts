/** @file What benchmarks share: rounds that alternate, medians with their spread, and on what it was measured. */
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'

export type Spread = { median: number; low: number; high: number }

/** @param precision values are rounded to 1 / precision */
export function spread(values: readonly number[], precision = 1): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const round = (x: number) => Math.round(x * precision) / precision
  return { median: round(sorted[sorted.length >> 1]!), low: round(sorted[0]!), high: round(sorted.at(-1)!) }
}

/**
 * Run each arm once a round, in an order that reverses from round to round, so that a slow minute of the machine meets all.
 *
 * @returns what the arms returned, by arm, a value a round
 */
export async function alternate<T>(arms: readonly (() => Promise<T> | T)[], rounds: number): Promise<T[][]> {
  const results: T[][] = arms.map(() => [])
  for (let round = 0; round < rounds; round++) {
    const order = [...arms.keys()]
    for (const arm of round % 2 === 0 ? order : order.reverse()) results[arm]!.push(await arms[arm]!())
  }
  return results
}

export const machine = (): string => `${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}`

export function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}
