/**
 * @file The vectors of segments in one WebAssembly memory, under a budget. A part is up to three blocks: its arrays by row; its
 * signs when it is large; and its codes while they fit. What is least useful goes first: parts of an index that was replaced,
 * then codes of the largest part, whose scores are estimated from signs from then on.
 */
import { createArena } from '../kernels/arena.ts'
import {
  createKernels,
  DIM_BLOCK,
  type KernelModule,
  type Kernels,
  PART_BYTES,
  type Pointer,
  ROW_BLOCK,
  writePart,
} from '../kernels/kernels.ts'
import { assert } from '../lib/result.ts'
import { type EngineState, scaleOf, type VectorPart, type VectorRows } from './engine.ts'
import { BIAS, DIM_MAX } from './quantise.ts'

/** Of vectors in one isolate; it has 128 MB for everything. */
export const VECTOR_BYTES_MAX = 90 * 1024 * 1024
/** A part with fewer bytes of codes has no signs: reading them first would save little. */
export const SIGNS_FROM_BYTES = 2 * 1024 * 1024
/** Rows of which the mean is taken. */
const SAMPLE_ROWS = 1_024
/** A search makes signs of so many rows, or of so large a share of the part. */
const SLICE_ROWS = 8_192
const SLICES_MAX = 16
/** A gain is stored in 15 bits, relative to the largest or to so many times the mean: one huge row must not blur the others. */
export const GAIN_MAX = 32_767
const GAIN_SPREAD = 4

/** Scratch blocks; each grows to the largest size that was asked for. */
type Slot =
  | 'part'
  | 'query'
  | 'table'
  | 'heap'
  | 'mask'
  | 'found'
  | 'slice'
  | 'mean'
  | 'gains'
  | 'rows'
  | 'pool'

export type Signs = {
  at: Pointer
  bytes: number
  /** f32[dim]: what the signs are relative to. */
  mean: Float32Array
  /** Component units of one step of a stored gain; 0 until all are made. */
  gainUnit: number
  /** Rows that have theirs. */
  done: number
  /** f32[padded], until they are stored. */
  gains: Float32Array | null
}
export type HeldPart = VectorPart & {
  /** `dim` rounded up to whole lines; components beyond it are 0. */
  stride: number
  /** `rows` rounded up to whole blocks. */
  padded: number
  /** f32[padded], u32[padded], i16[padded]: one block. */
  scales: Pointer
  numbers: Pointer
  gains: Pointer
  signs: Signs | null
  /** u8[padded, stride]; null where they did not fit. */
  codes: Pointer | null
  retired: boolean
}
const ARRAY_BYTES_PER_ROW = 10
const codeBytes = ({ padded, stride }: HeldPart): number => padded * stride

export type VectorMemoryOptions = { bytesMax?: number; signsFromBytes?: number }
export type VectorMemory = {
  readonly memory: WebAssembly.Memory
  readonly kernels: Kernels
  u8(at: Pointer, length: number): Uint8Array
  i16(at: Pointer, length: number): Int16Array
  u32(at: Pointer, length: number): Uint32Array
  f32(at: Pointer, length: number): Float32Array
  /** A block that the next call for the same slot may move. */
  scratch(slot: Slot, bytes: number): Pointer
  place(rows: VectorRows): HeldPart
  isHeld(part: HeldPart): boolean
  /** 0 for a row without a vector, and for one that is not there. */
  scaleAt(part: HeldPart, row: number): number
  release(part: HeldPart): void
  /** Make one more slice of the signs of a part; true when it has all. */
  advanceSigns(part: HeldPart): boolean
  limit(bytesMax: number): void
  state(): EngineState
}

export function createVectorMemory(
  kernelModule: KernelModule,
  { bytesMax: firstBytesMax = VECTOR_BYTES_MAX, signsFromBytes = SIGNS_FROM_BYTES }: VectorMemoryOptions,
): VectorMemory {
  const arena = createArena()
  const { memory } = arena
  const kernels = createKernels(kernelModule, memory)
  const parts = new Set<HeldPart>()
  const slots = new Map<Slot, { at: Pointer; bytes: number }>()
  let bytesMax = firstBytesMax
  /** Bytes of parts; scratch memory comes on top and is small. */
  let partBytes = 0
  /** Parts for which there was no room at all. */
  const missing = new Set<HeldPart>()

  const u8 = (at: Pointer, length: number) => new Uint8Array(memory.buffer, at, length)
  const i16 = (at: Pointer, length: number) => new Int16Array(memory.buffer, at, length)
  const u32 = (at: Pointer, length: number) => new Uint32Array(memory.buffer, at, length)
  const f32 = (at: Pointer, length: number) => new Float32Array(memory.buffer, at, length)

  function scratch(slot: Slot, bytes: number): Pointer {
    const held = slots.get(slot)
    if (held && held.bytes >= bytes) return held.at
    if (held) arena.free(held.at)
    const at = arena.allocate(bytes)
    slots.set(slot, { at, bytes })
    return at
  }

  function allocate(bytes: number): Pointer {
    const at = arena.allocate(bytes)
    partBytes += bytes
    return at
  }
  function free(at: Pointer, bytes: number): void {
    arena.free(at)
    partBytes -= bytes
  }

  function dropCodes(part: HeldPart): void {
    if (part.codes === null) return
    // Without codes there is nothing to make signs of.
    while (part.signs && !advanceSigns(part));
    free(part.codes, codeBytes(part))
    part.codes = null
  }

  function release(part: HeldPart): void {
    missing.delete(part)
    if (!parts.delete(part)) return
    if (part.codes !== null) free(part.codes, codeBytes(part))
    if (part.signs) free(part.signs.at, part.signs.bytes)
    free(part.scales, part.padded * ARRAY_BYTES_PER_ROW)
  }

  /** Give up what is least useful until so many bytes fit: retired parts, then codes of parts larger than `codesBelow`. */
  function makeRoom(bytes: number, codesBelow = 0): boolean {
    const fits = () => partBytes + bytes <= bytesMax
    for (const part of [...parts].filter(({ retired }) => retired)) {
      if (fits()) return true
      release(part)
    }
    const large = [...parts].filter(
      (part) => part.codes !== null && part.signs && codeBytes(part) > codesBelow,
    )
    for (const part of large.sort((a, b) => codeBytes(b) - codeBytes(a))) {
      if (fits()) return true
      dropCodes(part)
    }
    return fits()
  }

  function writeCodes(part: HeldPart, codes: Uint8Array, from: number, to: number, at: Pointer): void {
    const { dim, stride } = part
    const target = u8(at, (to - from) * stride)
    if (dim === stride) {
      target.set(codes.subarray(from * dim, to * dim))
      return
    }
    target.fill(BIAS)
    for (let row = from; row < to; row++)
      target.set(codes.subarray(row * dim, (row + 1) * dim), (row - from) * stride)
  }

  /** @param codes where the codes of row `from` lie */
  function encodeSlice(part: HeldPart, signs: Signs, codes: Pointer, to: number): void {
    const { stride } = part
    const from = signs.done
    const mean = scratch('mean', 4 * stride)
    f32(mean, stride).fill(0).set(signs.mean)
    const gains = scratch('gains', 4 * (to - from))
    const record = scratch('part', PART_BYTES)
    writePart(memory, record, {
      ...{ codes, scales: part.scales + 4 * from, numbers: 0, mask: 0 },
      ...{ signs: signs.at + (from * stride) / 8, gains: 0, rows: to - from, dim: stride, base: 0 },
    })
    kernels.encodeSigns(record, mean, gains)
    signs.gains!.set(f32(gains, to - from), from)
    signs.done = to
    if (to === part.rows) storeGains(part, signs)
  }

  function storeGains(part: HeldPart, signs: Signs): void {
    const gains = signs.gains!
    let total = 0
    let largest = 0
    for (const gain of gains) {
      total += gain
      largest = Math.max(largest, gain)
    }
    signs.gainUnit = Math.min(largest, (GAIN_SPREAD * total) / part.rows) / GAIN_MAX
    const stored = i16(part.gains, part.padded)
    if (signs.gainUnit > 0)
      for (let row = 0; row < part.rows; row++)
        stored[row] = Math.min(GAIN_MAX, Math.round(gains[row]! / signs.gainUnit))
    signs.gains = null
  }

  const sliceRows = ({ rows }: HeldPart): number =>
    Math.max(SLICE_ROWS, Math.ceil(rows / SLICES_MAX / ROW_BLOCK) * ROW_BLOCK)

  function advanceSigns(part: HeldPart): boolean {
    const { signs, codes, rows, stride } = part
    if (!signs) return false
    if (signs.done < rows && codes !== null)
      encodeSlice(part, signs, codes + signs.done * stride, Math.min(rows, signs.done + sliceRows(part)))
    return signs.done === rows
  }

  function place({ dim, codes, scales, numbers }: VectorRows): HeldPart {
    const rows = scales.length
    assert(dim > 0 && dim <= DIM_MAX, `vectors of ${dim} components`)
    assert(codes.length === rows * dim && numbers.length === rows, 'vectors of different lengths')
    const stride = Math.ceil(dim / DIM_BLOCK) * DIM_BLOCK
    const padded = Math.ceil(rows / ROW_BLOCK) * ROW_BLOCK
    const arrayBytes = padded * ARRAY_BYTES_PER_ROW
    const part: HeldPart = {
      ...{ rows, dim, stride, padded, scales: 0, numbers: 0, gains: 0 },
      ...{ signs: null, codes: null, retired: false },
    }
    const hasSigns = codeBytes(part) >= signsFromBytes
    if (!makeRoom(arrayBytes + (hasSigns ? codeBytes(part) / 8 : codeBytes(part)))) {
      missing.add(part)
      return part
    }
    parts.add(part)
    part.scales = allocate(arrayBytes)
    part.numbers = part.scales + 4 * padded
    part.gains = part.numbers + 4 * padded
    u8(part.scales, arrayBytes).fill(0)
    f32(part.scales, rows).set(scales.map(scaleOf))
    u32(part.numbers, rows).set(numbers)
    if (hasSigns) {
      const bytes = codeBytes(part) / 8
      const mean = meanOf(codes, scales, dim)
      part.signs = { at: allocate(bytes), bytes, mean, gainUnit: 0, done: 0, gains: new Float32Array(padded) }
    }
    if (makeRoom(codeBytes(part), codeBytes(part))) {
      const at = allocate(codeBytes(part))
      writeCodes(part, codes, 0, rows, at)
      u8(at + rows * stride, (padded - rows) * stride).fill(BIAS)
      part.codes = at
    } else {
      // Signs are all that will be left, so that they are made now.
      const slice = scratch('slice', SLICE_ROWS * stride)
      for (let from = 0; from < rows; from = part.signs!.done) {
        const to = Math.min(rows, from + SLICE_ROWS)
        writeCodes(part, codes, from, to, slice)
        encodeSlice(part, part.signs!, slice, to)
      }
    }
    return part
  }

  return {
    ...{ memory, kernels, u8, i16, u32, f32, scratch, place, release, advanceSigns },
    isHeld: (part) => parts.has(part),
    scaleAt: (part, row) =>
      parts.has(part) && row >= 0 && row < part.rows ? f32(part.scales + 4 * row, 1)[0]! : 0,
    limit(bytes) {
      bytesMax = bytes
      makeRoom(0)
    },
    state: () => ({
      kernels: kernelModule.name,
      residentBytes: memory.buffer.byteLength,
      usedBytes: arena.usedBytes(),
      estimatedRows: rowsOf([...parts].filter(({ codes }) => codes === null)),
      missingRows: rowsOf([...missing]),
    }),
  }
}

const rowsOf = (parts: readonly HeldPart[]): number => parts.reduce((sum, { rows }) => sum + rows, 0)

/** Mean of a sample of the rows that have a vector, spread over all. f32[dim] */
function meanOf(codes: Uint8Array, scales: Float32Array, dim: number): Float32Array {
  const sums = new Float64Array(dim)
  const every = Math.max(1, Math.floor(scales.length / SAMPLE_ROWS))
  let count = 0
  for (let row = 0; row < scales.length; row += every) {
    const scale = scaleOf(scales[row]!)
    if (scale === 0) continue
    count++
    for (let i = 0; i < dim; i++) sums[i]! += (codes[row * dim + i]! - BIAS) * scale
  }
  return Float32Array.from(sums, (sum) => (count > 0 ? sum / count : 0))
}
