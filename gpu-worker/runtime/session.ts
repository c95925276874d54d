/**
 * @file ONNX Runtime behind a few names. The only importer of onnxruntime-node: its version, options and quirks stay here.
 * `run` blocks the calling thread until the result is there, although it returns a promise.
 */
import { readFileSync } from 'node:fs'
import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { assert } from '../../shared/lib/result.ts'

// What goes wrong comes as an exception; the runtime's own lines would stand in the middle of ours.
env.logLevel = 'fatal'

export type FloatTensor = { data: Float32Array; dims: readonly number[] }
/** Row-major; the element type follows from the array. */
export type Tensor = FloatTensor | { data: BigInt64Array; dims: readonly number[] }
/** Where a session computes. */
export type Provider = 'cpu' | 'cuda' | 'webgpu'
export type Session = {
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

/**
 * A tensor in the memory of a GPU. Its memory comes back by `release` alone, and belongs to the session whose run made it: a
 * use, or a release, after that session was closed ends the process.
 */
export class BufferTensor {
  readonly #tensor: OrtTensor
  constructor(tensor: OrtTensor) {
    assert(tensor.location === 'gpu-buffer', 'the tensor lies in a GPU buffer')
    this.#tensor = tensor
  }
  toOrt(): OrtTensor {
    return this.#tensor
  }
  release(): void {
    this.#tensor.dispose()
  }
}
/** A session of which some outputs stay in GPU buffers, to be inputs of the next run. */
export type BufferSession = {
  run(feeds: Readonly<Record<string, Tensor | BufferTensor>>): Promise<{
    values: Record<string, FloatTensor>
    buffers: Record<string, BufferTensor>
  }>
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
  /** Default cpu. See `probe.ts` for whether another can start here. */
  provider?: Provider
  /**
   * From its second run of a shape on, a session takes all memory of a run as one block and keeps what the first run took
   * beside it. Default true; false for a graph that holds hundreds of megabytes of activations, then not twice.
   */
  plansMemory?: boolean
  /** Where to write the graph as the runtime made it, its own copies between memories included. */
  optimizedPath?: string
}

/** Where a piece of work is computed. */
export type Computing = Pick<SessionOptions, 'threads' | 'provider'>

/** @throws when the provider cannot start, or has no way to run the graph */
export async function openSession(model: Uint8Array, options: SessionOptions): Promise<Session> {
  const session = await create(model, options)
  return {
    run: async (feeds, into = {}) => {
      const results = await session.run(toOrt(feeds), {
        ...Object.fromEntries(session.outputNames.map((name) => [name, null])),
        ...toOrt(into),
      })
      return Object.fromEntries(
        Object.entries(results).map(([name, value]) => {
          const target = into[name]
          if (target) freeCopy(value, target)
          return [name, target ?? toFloats(name, value)]
        }),
      )
    },
    close: () => session.release(),
  }
}

/** @param kept outputs that stay in GPU buffers. WebGPU only: with CUDA the binding copies every output to the host. */
export async function openBufferSession(
  model: Uint8Array,
  kept: readonly string[],
  options: SessionOptions,
): Promise<BufferSession> {
  const places = Object.fromEntries(kept.map((name) => [name, 'gpu-buffer' as const]))
  const session = await create(model, options, { preferredOutputLocation: places })
  return {
    async run(feeds) {
      const results = Object.entries(await session.run(toOrt(feeds)))
      const isKept = ([name]: [string, OrtTensor]) => kept.includes(name)
      return {
        values: Object.fromEntries(
          results.filter((entry) => !isKept(entry)).map(([name, value]) => [name, toFloats(name, value)]),
        ),
        buffers: Object.fromEntries(
          results.filter(isKept).map(([name, value]) => [name, new BufferTensor(value)]),
        ),
      }
    },
    close: () => session.release(),
  }
}

function create(
  model: Uint8Array,
  { threads, provider = 'cpu', optimizedPath, plansMemory = true }: SessionOptions,
  more: InferenceSession.SessionOptions = {},
): Promise<InferenceSession> {
  assert(Number.isInteger(threads) && threads >= 1, `${threads} threads`)
  return InferenceSession.create(model, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    enableMemPattern: plansMemory,
    logSeverityLevel: 3,
    // x64 without VNNI multiplies u8 by s8 into saturating 16 bit: wrong sums. The option keeps them exact there, and would
    // take 40 % of the speed where VNNI does it right anyway.
    extra: {
      session: {
        x64quantprecision: HAS_VNNI ? '0' : '1',
        // Threads wait awake from one operator to the next, but no longer: other work on the same cores gets its turn.
        intra_op: { spin_duration_us: '100' },
      },
    },
    ...(optimizedPath === undefined ? {} : { optimizedModelFilePath: optimizedPath }),
    ...more,
  })
}

const toOrt = (tensors: Readonly<Record<string, Tensor | BufferTensor>>): Record<string, OrtTensor> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      tensor instanceof BufferTensor
        ? tensor.toOrt()
        : tensor.data instanceof Float32Array
          ? new OrtTensor('float32', tensor.data, tensor.dims)
          : new OrtTensor('int64', tensor.data, tensor.dims),
    ]),
  )

/**
 * The binding copies what the runtime has written to a target once more, for the result. Freed at once: for the collector these
 * are small objects, and it may come only when several steps' gradients lie about.
 */
function freeCopy({ data }: OrtTensor, target: FloatTensor): void {
  if (
    data instanceof Float32Array &&
    data.buffer instanceof ArrayBuffer &&
    data.buffer !== target.data.buffer
  )
    data.buffer.transfer(0)
}

function toFloats(name: string, { data, dims }: OrtTensor): FloatTensor {
  assert(data instanceof Float32Array, `output ${name} is f32`)
  return { data, dims }
}
