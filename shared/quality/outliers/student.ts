/**
 * @file How far is too far: Student's t as the shape of what is usual. Its degrees of freedom say how heavy the tails are.
 * Centre, scale and degrees are fitted by quantiles, so that up to 3 % of wrong values move them little.
 */

/** `df` is one of `DEGREES`; the unit of the others is that of the values. */
export type Student = { centre: number; scale: number; df: number }

/** Three quarters of the values lie nearer to the centre than the first; wrong values are to lie beyond the second. */
const NEAR = 0.75
const FAR = 0.97
/** 30 is as good as normal. */
const DEGREES = [1, 2, 3, 4, 5, 6, 8, 12, 30]

/** Share of values farther from the centre than `z` scales, on both sides. Source: Abramowitz & Stegun, 26.7.3 and 26.7.4. */
export function tailShare(z: number, df: number): number {
  const angle = Math.atan(Math.abs(z) / Math.sqrt(df))
  const squared = Math.cos(angle) ** 2
  const isOdd = df % 2 === 1
  let term = isOdd ? Math.cos(angle) : 1
  let sum = df > 1 ? term : 0
  for (let k = isOdd ? 3 : 2; k < df; k += 2) {
    term *= ((k - 1) / k) * squared
    sum += term
  }
  return 1 - (isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum)
}

/** Log of the density at `z` scales from the centre, the scale being 1. */
export const logDensity = (z: number, df: number): number =>
  Math.log(NORMALISERS.get(df)!) - ((df + 1) / 2) * Math.log1p((z * z) / df)

/** Scales from the centre beyond which a share of `share` lies. */
export function boundOf(share: number, df: number): number {
  let [low, high] = [0, 1]
  while (tailShare(high, df) > share) high *= 2
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (tailShare(middle, df) > share) low = middle
    else high = middle
  }
  return high
}

/**
 * @param values     not empty
 * @param scaleFloor values that differ by less do not differ
 */
export function fitStudent(values: readonly number[], scaleFloor: number): Student {
  const centre = quantile(ascending(values), 0.5)
  const distances = ascending(values.map((value) => Math.abs(value - centre)))
  const near = Math.max(scaleFloor, quantile(distances, NEAR))
  const far = Math.max(near, quantile(distances, FAR))
  // The lightest tail that reaches as far, or the heaviest there is.
  const shape = SHAPES.findLast((one) => one.far / one.near >= far / near) ?? SHAPES[0]!
  return { centre, scale: Math.max(near / shape.near, far / shape.far), df: shape.df }
}

export const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

/** @param sorted not empty, ascending */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!

/** c(1) = 1/π, c(2) = 1/√8, c(ν + 2) = c(ν) · (ν + 1)/ν · √(ν/(ν + 2)). */
const NORMALISERS = new Map([
  [1, 1 / Math.PI],
  [2, 1 / Math.sqrt(8)],
])
for (let df = 1; df + 2 <= DEGREES.at(-1)!; df++)
  NORMALISERS.set(df + 2, NORMALISERS.get(df)! * ((df + 1) / df) * Math.sqrt(df / (df + 2)))

const SHAPES = DEGREES.map((df) => ({ df, near: boundOf(1 - NEAR, df), far: boundOf(1 - FAR, df) }))
