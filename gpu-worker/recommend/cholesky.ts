/** @file Small symmetric positive systems, solved in double precision. */

/**
 * a = L Lᵀ in place: L in the lower triangle, what is above stays.
 *
 * @param a f64[n, n], of which the lower triangle is read; positive definite
 */
export function factorise(a: Float64Array, n: number): void {
  for (let row = 0; row < n; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = a[row * n + column]!
      for (let at = 0; at < column; at++) sum -= a[row * n + at]! * a[column * n + at]!
      a[row * n + column] = row === column ? Math.sqrt(sum) : sum / a[column * n + column]!
    }
  }
}

/** L Lᵀ x = b, in place of b. */
export function solveFactorised(l: Float64Array, n: number, b: Float64Array): void {
  for (let row = 0; row < n; row++) {
    let sum = b[row]!
    for (let at = 0; at < row; at++) sum -= l[row * n + at]! * b[at]!
    b[row] = sum / l[row * n + row]!
  }
  for (let row = n - 1; row >= 0; row--) {
    let sum = b[row]!
    for (let at = row + 1; at < n; at++) sum -= l[at * n + row]! * b[at]!
    b[row] = sum / l[row * n + row]!
  }
}

/** f64[n, n], whole and symmetric; `a` is destroyed. */
export function invertSmall(a: Float64Array, n: number): Float64Array {
  factorise(a, n)
  const inverse = new Float64Array(n * n)
  const column = new Float64Array(n)
  for (let at = 0; at < n; at++) {
    column.fill(0)
    column[at] = 1
    solveFactorised(a, n, column)
    inverse.set(column, at * n)
  }
  return inverse
}
