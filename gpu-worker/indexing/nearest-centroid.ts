/** @file Which centroid is nearest to each of many vectors: one matrix product in ONNX Runtime. */
import { createGraph } from '../graph/ops.ts'
import { openSession } from '../runtime/session.ts'

/** Vectors of one run: the product of 2,048 vectors and 4,096 centroids takes 32 MB. */
const BATCH = 2_048

export type NearestCentroid = {
  /**
   * @param vectors   f32[n, dim], row-major
   * @param centroids f32[k, dim], row-major, unit length
   * @returns         of each vector, the centroid with the largest dot product (the lowest of equals), and that product
   */
  find(
    vectors: Float32Array,
    centroids: Float32Array,
  ): Promise<{ centroid: Uint32Array; cosine: Float32Array }>
  close(): Promise<void>
}

export async function openNearestCentroid(
  dim: number,
  listCount: number,
  threads: number,
): Promise<NearestCentroid> {
  const g = createGraph('nearest')
  const vectors = g.input('vectors', 'f32', ['n', dim])
  const centroids = g.input('centroids', 'f32', [dim, listCount])
  const products = g.matMul(vectors, centroids)
  const attributes = { axis: { int: 1 }, keepdims: { int: 0 } }
  const nearest = g.emit('ArgMax', [products], { shape: ['n'], dtype: 'i64' }, { attributes })
  // k < 2²⁴: exact in f32, in which outputs come.
  g.output(g.toFloat(nearest), 'centroid')
  g.output(g.reduceMax(products, 1), 'cosine')
  const session = await openSession(g.toModel(), { threads })
  return {
    async find(all, centroidRows) {
      const transposed = new Float32Array(centroidRows.length)
      for (let list = 0; list < listCount; list++)
        for (let i = 0; i < dim; i++) transposed[i * listCount + list] = centroidRows[list * dim + i]!
      const n = all.length / dim
      const centroid = new Uint32Array(n)
      const cosine = new Float32Array(n)
      for (let from = 0; from < n; from += BATCH) {
        const to = Math.min(n, from + BATCH)
        const result = await session.run({
          vectors: { data: all.subarray(from * dim, to * dim), dims: [to - from, dim] },
          centroids: { data: transposed, dims: [dim, listCount] },
        })
        centroid.set(result['centroid']!.data, from)
        cosine.set(result['cosine']!.data, from)
      }
      return { centroid, cosine }
    },
    close: () => session.close(),
  }
}
