/**
 * @file The inverse of a large symmetric positive matrix in its own memory, block by block. The products, nearly all of the work, run on
 * the inference runtime; only what is on and above the diagonal is kept up until the end.
 *
 *   sweep of block k, D = A_kk:   A_ij −= A_ik D⁻¹ A_kj,   A_kj ← D⁻¹ A_kj,   A_kk ← −D⁻¹;   after all blocks A is −A⁻¹
 *
 * Source: the sweep operator (Goodnight, The American Statistician 33(3), 1979), by blocks.
 */
import { createGraph } from '../graph/ops.ts'
import { openSession } from '../runtime/session.ts'
import { invertSmall } from './cholesky.ts'

export type InvertOptions = {
  threads: number
  /** Rows of a block. */
  block?: number
  onBlock?: (done: number, total: number) => void
}

/** @param a f32[n, n], of which only the diagonal and what is above it is read; its inverse on return, whole */
export async function invertInPlace(
  a: Float32Array,
  n: number,
  { threads, block = 256, onBlock }: InvertOptions,
): Promise<void> {
  const g = createGraph('product')
  const left = g.input('left', 'f32', ['K', 'M'])
  const right = g.input('right', 'f32', ['K', 'N'])
  g.output(g.gemm(left, right, null, { transA: true }), 'product')
  // Each product has a size of its own: blocks planned for one would not fit the next.
  const session = await openSession(g.toModel(), { threads, plansMemory: false })
  /** f32[m, n] of leftᵀ · right. */
  const multiply = async (leftData: Float32Array, rightData: Float32Array, k: number) => {
    const { product } = await session.run({
      left: { data: leftData, dims: [k, leftData.length / k] },
      right: { data: rightData, dims: [k, rightData.length / k] },
    })
    return product!.data
  }
  try {
    for (let from = 0; from < n; from += block) {
      onBlock?.(from, n)
      const size = Math.min(block, n - from)
      const panel = readPanel(a, n, from, size)
      const pivot = invertSmall(Float64Array.from(columns(panel, n, size, from, from + size)), size)
      const swept = await multiply(Float32Array.from(pivot), panel, size)
      for (let top = 0; top < n; top += block) {
        const bottom = Math.min(n, top + block)
        const product = await multiply(
          columns(panel, n, size, top, bottom),
          columns(swept, n, size, top, n),
          size,
        )
        const width = n - top
        for (let row = top; row < bottom; row++) {
          const offset = (row - top) * width - top
          for (let column = row; column < n; column++) a[row * n + column]! -= product[offset + column]!
        }
      }
      writePanel(a, n, from, size, swept)
      for (let row = 0; row < size; row++)
        for (let column = row; column < size; column++)
          a[(from + row) * n + from + column] = -pivot[row * size + column]!
    }
  } finally {
    await session.close()
  }
  for (let row = 0; row < n; row++)
    for (let column = row; column < n; column++) {
      const value = -a[row * n + column]!
      a[row * n + column] = value
      a[column * n + row] = value
    }
}

/** f32[size, n]: rows of the matrix, what is below its diagonal taken from above. */
function readPanel(a: Float32Array, n: number, from: number, size: number): Float32Array {
  const panel = new Float32Array(size * n)
  for (let row = 0; row < size; row++) {
    const own = from + row
    for (let column = 0; column < own; column++) panel[row * n + column] = a[column * n + own]!
    panel.set(a.subarray(own * n + own, (own + 1) * n), row * n + own)
  }
  return panel
}

function writePanel(a: Float32Array, n: number, from: number, size: number, panel: Float32Array): void {
  for (let row = 0; row < size; row++) {
    const own = from + row
    for (let column = 0; column < from; column++) a[column * n + own] = panel[row * n + column]!
    a.set(panel.subarray(row * n + from + size, (row + 1) * n), own * n + from + size)
  }
}

/** f32[rows, to − from] */
function columns(matrix: Float32Array, width: number, rows: number, from: number, to: number): Float32Array {
  const part = new Float32Array(rows * (to - from))
  for (let row = 0; row < rows; row++)
    part.set(matrix.subarray(row * width + from, row * width + to), row * (to - from))
  return part
}
