/**
 * @file The compiled kernels as functions, and the records that they read, field for field as in `assembly/layout.ts`. Pointers are
 * byte offsets into the memory that the caller brings; who calls has checked them (`shared/vector/wasm-engine.ts`).
 */
export type Pointer = number

/** Relaxed SIMD is half as fast again; standard SIMD is what runs where the platform does not know it. */
export const KERNEL_NAMES = ['relaxed-simd', 'simd'] as const
export type KernelName = (typeof KERNEL_NAMES)[number]
/** A module that was compiled already: a Worker may not compile at run time. */
export type KernelModule = { name: KernelName; module: WebAssembly.Module }

export type Kernels = {
  scan(part: Pointer, query: Pointer, heap: Pointer): void
  scanFour(part: Pointer, queries: Pointer, heaps: Pointer): void
  rescore(part: Pointer, query: Pointer, candidates: Pointer, heap: Pointer): void
  scoreRows(part: Pointer, query: Pointer, rows: Pointer, count: number, scores: Pointer): void
  offer(heap: Pointer, score: number, number: number, doc: number): void
  sortHeap(heap: Pointer): void
  encodeSigns(part: Pointer, mean: Pointer, gains: Pointer): void
  stepOf(query: Pointer, dim: number): number
  buildTable(query: Pointer, dim: number, step: number, table: Pointer): number
  collect(part: Pointer, table: Pointer, middle: number, candidates: Pointer, spill: Pointer): void
  chooseMmr(pool: Pointer, lambda: number): number
  chooseDpp(pool: Pointer): number
}

export const createKernels = ({ module }: KernelModule, memory: WebAssembly.Memory): Kernels =>
  new WebAssembly.Instance(module, { env: { memory } }).exports as Kernels

/** Rows of a part are padded to a multiple of this, components of a row to a multiple of `DIM_BLOCK`. */
export const ROW_BLOCK = 32
export const DIM_BLOCK = 64

export const PART_BYTES = 36
export type PartRecord = Record<
  'codes' | 'scales' | 'numbers' | 'mask' | 'signs' | 'gains' | 'rows' | 'dim' | 'base',
  number
>
export function writePart(memory: WebAssembly.Memory, at: Pointer, part: PartRecord): void {
  const { codes, scales, numbers, mask, signs, gains, rows, dim, base } = part
  words(memory, at, PART_BYTES).set([codes, scales, numbers, mask, signs, gains, rows, dim, base])
}

export const QUERY_BYTES = 16
export function writeQuery(
  memory: WebAssembly.Memory,
  at: Pointer,
  query: { values: Pointer; offset: number; scale: number },
): void {
  words(memory, at, 8).set([query.values, query.offset])
  new Float64Array(memory.buffer, at + 8, 1)[0] = query.scale
}

export function readQuery(memory: WebAssembly.Memory, at: Pointer): { values: Pointer; scale: number } {
  return { values: words(memory, at, 4)[0]!, scale: new Float64Array(memory.buffer, at + 8, 1)[0]! }
}

export const HEAP_BYTES = 12
export const ENTRY_BYTES = 12
export function writeHeap(memory: WebAssembly.Memory, at: Pointer, capacity: number, entries: Pointer): void {
  words(memory, at, HEAP_BYTES).set([0, capacity, entries])
}
/** Entries as they lie: best first after `sortHeap`. */
export function readHeap(memory: WebAssembly.Memory, at: Pointer): { score: number; doc: number }[] {
  const [size, , entries] = words(memory, at, HEAP_BYTES) as unknown as [number, number, number]
  const scores = new Float32Array(memory.buffer, entries, (size * ENTRY_BYTES) / 4)
  const fields = words(memory, entries, size * ENTRY_BYTES)
  const found: { score: number; doc: number }[] = []
  for (let i = 0; i < scores.length; i += 3) found.push({ score: scores[i]!, doc: fields[i + 2]! })
  return found
}

export const CANDIDATES_BYTES = 24
export function writeCandidates(
  memory: WebAssembly.Memory,
  at: Pointer,
  found: Record<'rows' | 'scores' | 'histogram' | 'wanted' | 'scoreMax', number>,
): void {
  const { rows, scores, histogram, wanted, scoreMax } = found
  words(memory, at, CANDIDATES_BYTES).set([rows, scores, histogram, wanted, scoreMax, 0])
}
export const candidateCount = (memory: WebAssembly.Memory, at: Pointer): number =>
  words(memory, at, CANDIDATES_BYTES)[5]!

export const POOL_BYTES = 40
export type PoolRecord = Record<
  'codes' | 'scales' | 'relevance' | 'state' | 'factors' | 'values' | 'chosen' | 'count' | 'dim' | 'wanted',
  number
>
export function writePool(memory: WebAssembly.Memory, at: Pointer, pool: PoolRecord): void {
  const { codes, scales, relevance, state, factors, values, chosen, count, dim, wanted } = pool
  words(memory, at, POOL_BYTES).set([
    ...[codes, scales, relevance, state, factors, values, chosen],
    ...[count, dim, wanted],
  ])
}

const words = (memory: WebAssembly.Memory, at: Pointer, bytes: number): Uint32Array =>
  new Uint32Array(memory.buffer, at, bytes / 4)
