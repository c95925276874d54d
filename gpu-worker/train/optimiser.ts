/**
 * @file The optimiser over whole vectors, on as many threads as the graph may use. Its pass over five vectors of the model's
 * size would else run on one of them, and take a quarter of the time of a full step.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { assert } from '../../shared/lib/result.ts'
import { type AdamWOptions, type AdamWState, type AdamWStep, adamW, sumOfSquares } from './adamw.ts'
import type { ParameterLayout } from './parameters.ts'

/** The number of threads changes no bit of what it computes. */
export type Optimiser = {
  /** ‖g‖₂ */
  gradientNorm(): Promise<number>
  step(step: AdamWStep): Promise<void>
  close(): Promise<void>
}
export type OptimiserOptions = {
  layout: ParameterLayout
  /** As `sharedVector` makes them: every thread has the same memory. */
  state: AdamWState
  gradient: Float32Array
  adamW: AdamWOptions
  /** The calling one included. */
  threads: number
}

/** What one thread works on: everything is there, `from` to before `to` is its part. */
export type Share = Pick<OptimiserOptions, 'state' | 'gradient' | 'adamW'> & {
  layout: Pick<ParameterLayout, 'parameters'>
  from: number
  to: number
}
export type ShareRequest = { kind: 'squares' } | { kind: 'step'; step: AdamWStep }

/** Squares are summed block by block, and the blocks in their order: so the sum does not depend on who took which. */
const BLOCK = 1 << 16
/** Waking a thread takes longer than to do so many numbers here. */
const SHARE_MIN = 1 << 19

export function openOptimiser({ layout, threads, ...common }: OptimiserOptions): Optimiser {
  const { size, parameters } = layout
  const { state, gradient } = common
  for (const vector of [state.parameters, state.first, state.second, gradient])
    assert(vector.length === size, `${vector.length} numbers of a layout of ${size}`)
  const count = Math.max(1, Math.min(threads, Math.floor(size / SHARE_MIN)))
  const length = Math.ceil(size / count / BLOCK) * BLOCK
  const shareOf = (index: number): Share => {
    const from = Math.min(size, index * length)
    return { ...common, layout: { parameters }, from, to: Math.min(size, from + length) }
  }
  const own = shareOf(0)
  const helpers = Array.from(
    { length: count - 1 },
    (_, index) =>
      new Worker(new URL('./optimiser-worker-thread.ts', import.meta.url), {
        workerData: shareOf(index + 1),
      }),
  )

  /** @returns the answers of all shares, in their order */
  const askAll = async (request: ShareRequest): Promise<number[]> => {
    const answers = helpers.map(async (thread): Promise<number[]> => (await once(thread, 'message'))[0])
    for (const thread of helpers) thread.postMessage(request)
    return [runShare(own, request), ...(await Promise.all(answers))].flat()
  }
  return {
    gradientNorm: async () =>
      Math.sqrt((await askAll({ kind: 'squares' })).reduce((sum, part) => sum + part, 0)),
    async step(step) {
      await askAll({ kind: 'step', step })
    },
    async close() {
      await Promise.all(helpers.map((thread) => thread.terminate()))
    },
  }
}

/** @returns the sums of squares of the share's blocks; nothing for a step */
export function runShare(
  { state, gradient, adamW: options, layout, from, to }: Share,
  request: ShareRequest,
) {
  const sums: number[] = []
  if (request.kind === 'step') adamW(state, gradient, layout, request.step, options, { from, to })
  else
    for (let at = from; at < to; at += BLOCK)
      sums.push(sumOfSquares(gradient, { from: at, to: Math.min(to, at + BLOCK) }))
  return sums
}
