/**
 * @file ONNX Runtime in workerd: the only importer of onnxruntime-web. Imported dynamically, because it brings 14 MB of
 * WebAssembly that a shop without models never needs.
 */

import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm'
import * as ort from 'onnxruntime-web/wasm'

export type OrtInput = { data: Float32Array | BigInt64Array; shape: readonly number[] }
export type OrtSession = {
  inputs: readonly string[]
  outputs: readonly string[]
  /**
   * @returns f32 outputs by name, row-major; those of other types are left out
   * Throws when an input does not fit the model.
   */
  run(inputs: Readonly<Record<string, OrtInput>>): Promise<Record<string, Float32Array>>
  release(): Promise<void>
}
export type CreateSession = (model: Uint8Array) => Promise<OrtSession>

let firstCreation: Promise<unknown> | null = null

/**
 * Throws when the runtime cannot start or the model cannot be read. The runtime remembers a failed start: only a fresh
 * isolate can try again.
 */
export const createOrtSession: CreateSession = async (model) => {
  const session = await createSession(model)
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(inputs) {
      const feeds = Object.entries(inputs).map(
        ([name, { data, shape }]) => [name, new ort.Tensor(data, shape)] as const,
      )
      const results = await session.run(Object.fromEntries(feeds))
      const outputs: Record<string, Float32Array> = {}
      // Copies: the runtime's memory may move or be used again.
      for (const [name, { data }] of Object.entries(results))
        if (data instanceof Float32Array) outputs[name] = data.slice()
      return outputs
    },
    release: () => session.release(),
  }
}

async function createSession(model: Uint8Array): Promise<ort.InferenceSession> {
  const create = () => ort.InferenceSession.create(model, { executionProviders: ['wasm'] })
  if (firstCreation) {
    // The first may have failed for its model's sake, which is nothing to this one.
    await firstCreation.catch(() => {})
    return create()
  }
  const first = withPrecompiledModule(create)
  firstCreation = first
  return first
}

/** A Worker may not compile WebAssembly at run time, so that the runtime is handed the module that was deployed. */
async function withPrecompiledModule<T>(create: () => Promise<T>): Promise<T> {
  ort.env.wasm.numThreads = 1
  ort.env.wasm.proxy = false
  // Any bytes: their presence makes the runtime use its built-in loader and fetch nothing.
  ort.env.wasm.wasmBinary = new ArrayBuffer(8)
  const platform = WebAssembly as { instantiate: unknown }
  const { instantiate } = platform
  platform.instantiate = async (_bytes: unknown, imports: WebAssembly.Imports) => ({
    instance: new WebAssembly.Instance(wasm, imports),
    module: wasm,
  })
  try {
    return await create()
  } finally {
    platform.instantiate = instantiate
  }
}
