/** @file Cloudflare Vectorize through its binding. */
import { readVectorizeId, VECTORIZE_LIMITS } from '../../shared/vector/vectorize.ts'
import { beforeEnd } from './before-end.ts'
import type { RemoteVectors } from './remote-vectors.ts'

/** The part of the binding that is used. */
export type VectorizeBinding = Pick<Vectorize, 'query'>
export const VECTORIZE_BUDGET_MS = 200

type Deps = {
  binding: VectorizeBinding
  /** Ends the wait. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
  log?: (message: string) => void
}

export const createVectorize = ({
  binding,
  timeout = (ms) => AbortSignal.timeout(ms),
  log = () => {},
}: Deps): RemoteVectors => ({
  name: 'vectorize',
  covers: () => true,
  async nearest(modelId, vector) {
    try {
      const asked = binding.query(vector, { topK: VECTORIZE_LIMITS.topK, namespace: modelId })
      const reply = await beforeEnd(asked, timeout(VECTORIZE_BUDGET_MS))
      if (reply === 'timeout') return { items: [], fault: 'timeout' }
      const items = reply.matches.flatMap(({ id, score }) => {
        const item = readVectorizeId(id)
        return item && Number.isFinite(score) ? [{ ...item, cosine: score }] : []
      })
      return { items, fault: null }
    } catch (error) {
      log(`Vectorize failed: ${String(error)}`)
      return { items: [], fault: 'failed' }
    }
  },
})
