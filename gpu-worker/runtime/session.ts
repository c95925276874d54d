/**
 * @file ONNX Runtime behind four names. The only importer of onnxruntime-node: its version, options and quirks stay here.
 * `run` blocks the calling thread until the result is there, although it returns a promise.
 */
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { assert } from '../../shared/lib/result.ts'

export type FloatTensor = { data: Float32Array; dims: readonly number[] }
/** Row-major; the element type follows from the array. */
export type Tensor = FloatTensor | { data: BigInt64Array; dims: readonly number[] }
/** Where a session computes. */
export type Provider = 'cpu' | 'cuda'
export type Session = {
  /** The one that it really runs on. */
  provider: Provider

  /**
   * Inputs by name → f32 outputs by name, valid until the caller drops them. An output named in `into` is written to the
   * memory given there, of its size: no allocation of tens of megabytes at each run.
   */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, FloatTensor>>,
  ): Promise<Record<string, FloatTensor>>
  /** Gives native memory back; the session cannot run after it. */
  close(): Promise<void>
}

/** The instructions that sum u8 × s8 into 32 bit. Only Linux tells; where it does not, the slow and exact way is taken. */
const HAS_VNNI = (() => {
  try {
    return /\b(avx512_vnni|avx_vnni)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  } catch {
    return process.arch !== 'x64'
  }
})()

export type SessionOptions = {
  /** Intra-op threads on the CPU, the calling one included; ≥ 1. */
  threads: number
  /** Default cpu. Where CUDA cannot start (no card, no libraries), the session runs on the CPU and says so by `provider`. */
  provider?: Provider
}

export async function openSession(model: Uint8Array, options: SessionOptions): Promise<Session> {
  const { threads, provider = 'cpu' } = options

  assert(Number.isInteger(threads) && threads >= 1, `${threads} threads`)
  const create = (name: Provider) =>
    InferenceSession.create(model, {
      executionProviders: [name],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // x64 without VNNI multiplies u8 by s8 into saturating 16 bit: wrong sums. The option keeps them exact there, and would
      // take 40 % of the speed where VNNI does it right anyway.
      extra: { session: { x64quantprecision: HAS_VNNI ? '0' : '1' } },
    })
  let used = provider
  let session: InferenceSession
  try {
    session = await create(provider)
  } catch (error) {
    if (provider === 'cpu') throw error
    used = 'cpu'
    session = await create('cpu')
  }
  return {
    provider: used,
    run: async (feeds, into = {}) => {
      const given = (tensors: Readonly<Record<string, Tensor>>) =>
        Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toOrt(tensor)]))
      const results = await session.run(given(feeds), {
        ...Object.fromEntries(session.outputNames.map((name) => [name, null])),
        ...given(into),
      })
      return Object.fromEntries(
        Object.entries(results).map(([name, { data, dims }]) => {
          assert(data instanceof Float32Array, `output ${name} is f32`)
          return [name, { data, dims }]
        }),
      )
    },
    close: () => session.release(),
  }
}

const toOrt = ({ data, dims }: Tensor): OrtTensor =>
  data instanceof Float32Array ? new OrtTensor('float32', data, dims) : new OrtTensor('int64', data, dims)
