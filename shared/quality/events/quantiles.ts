/** @file Order statistics of a few numbers. */

/** @returns 0 of no values */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)
