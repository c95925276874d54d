/** @file The vector kernels in Node: the first build that this Node can run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KERNEL_NAMES, type KernelModule, type KernelName } from '../../shared/kernels/kernels.ts'
import type { VectorEngine } from '../../shared/vector/engine.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'

const FILES: Record<KernelName, string> = { 'relaxed-simd': 'relaxed.wasm', simd: 'standard.wasm' }

/** Of the vectors of one index; a WebAssembly memory ends at 4 GB. */
const ENGINE_BYTES_MAX = 3 * 1024 ** 3

/** An engine of its own for an index: its memory goes when the index does. */
export const createNodeEngine = (): VectorEngine =>
  createWasmEngine(loadKernels(), { bytesMax: ENGINE_BYTES_MAX })

/** Compiled once for each process and build. */
const compiled = new Map<KernelName, WebAssembly.Module>()

export function loadKernels(names: readonly KernelName[] = KERNEL_NAMES): KernelModule {
  for (const name of names) {
    const known = compiled.get(name)
    if (known) return { name, module: known }
    const bytes = readFileSync(join(import.meta.dirname, '../../shared/kernels', FILES[name]))
    if (!WebAssembly.validate(bytes)) continue
    const module = new WebAssembly.Module(bytes)
    compiled.set(name, module)
    return { name, module }
  }
  throw new Error(`This Node (${process.version}) runs none of the kernels: it has no WebAssembly SIMD.`)
}
