/**
 * @file ONNX Runtime in workerd: the only importer of onnxruntime-web. Imported dynamically, because it brings 14 MB of
 * WebAssembly that a shop without useful vectors never needs.
 */

import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm'
import * as ort from 'onnxruntime-web/wasm'

export type EncoderSession = {
  /** @returns f32[dim], length 1 */
  run(ids: Int32Array): Promise<Float32Array>
  release(): Promise<void>
}

let firstCreation: Promise<unknown> | null = null

/**
 * @param model ONNX bytes: int64 ids[1,S], f32 mask[1,S] → f32 emb[1,dim]
 * Throws when the runtime cannot start or the model cannot be read. The runtime remembers a failed start: only a fresh
 * isolate can try again.
 */
export async function createEncoderSession(model: Uint8Array): Promise<EncoderSession> {
  const session = await createSession(model)
  return {
    async run(ids) {
      const shape = [1, ids.length]
      const { emb } = await session.run({
        ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
        mask: new ort.Tensor('float32', new Float32Array(ids.length).fill(1), shape),
      })
      // A copy: the runtime's memory may move or be used again.
      return Float32Array.from(emb!.data as Float32Array)
    },
    release: () => session.release(),
  }
}

async function createSession(model: Uint8Array): Promise<ort.InferenceSession> {
  const create = () => ort.InferenceSession.create(model, { executionProviders: ['wasm'] })
  if (firstCreation) {
    await firstCreation
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
