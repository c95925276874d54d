/**
 * @file The vectors of segments in one WebAssembly memory, under a budget. A part is up to three blocks: its arrays by row; its
 * signs when it is large; and its codes while they fit. What is least useful goes first: parts of an index that was replaced,
 * then codes of the largest part, whose scores are estimated from signs from then on.
 *
 * A part is filled by bytes as they come, each of which is copied once, to where it stays. For codes that did not fit, slices of
 * rows are asked for afterwards, to make signs of; and again when there is room for codes.
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
import {
  type EngineState,
  type RowRange,
  type RowValues,
  type Shortfall,
  scaleOf,
  type VectorPart,
  type VectorRows,
} from './engine.ts'
import { BIAS, DIM_MAX, DIM_STEP } from './quantise.ts'

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
  /** Codes that are coming back: the first `done` rows are there. */
  incoming: { at: Pointer; done: number } | null
  retired: boolean
}
/** What a mean is taken of: rows `step` apart. u8[rows / step, dim] */
type Sample = { step: number; codes: Uint8Array }
const ARRAY_BYTES_PER_ROW = 10
const codeBytes = ({ padded, stride }: HeldPart): number => padded * stride
const arrayBytes = ({ padded }: HeldPart): number => padded * ARRAY_BYTES_PER_ROW

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
  reserve(rows: number, dim: number): HeldPart
  write(part: HeldPart, offset: number, bytes: Uint8Array): void
  complete(part: HeldPart, values: RowValues): void
  wanted(part: HeldPart): RowRange | null
  give(part: HeldPart, from: number, codes: Uint8Array): void
  regain(part: HeldPart, values: RowValues): boolean
  shortfall(part: HeldPart): Shortfall | null
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
  /** Those that answer. */
  const parts = new Set<HeldPart>()
  /** Those that are being filled: nothing of them is given up. */
  const filling = new Map<HeldPart, Sample | null>()
  const slots = new Map<Slot, { at: Pointer; bytes: number }>()
  let bytesMax = firstBytesMax
  /** Bytes of parts; scratch memory comes on top and is small. */
  let partBytes = 0
  /** Parts for which there was no room at all, and what signs of them would be relative to. */
  const missing = new Map<HeldPart, Float32Array | null>()

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

  function dropIncoming(part: HeldPart): void {
    if (part.incoming) free(part.incoming.at, codeBytes(part))
    part.incoming = null
  }

  function release(part: HeldPart): void {
    missing.delete(part)
    const wasFilling = filling.delete(part)
    if (!parts.delete(part) && !wasFilling) return
    dropIncoming(part)
    if (part.codes !== null) free(part.codes, codeBytes(part))
    if (part.signs) free(part.signs.at, part.signs.bytes)
    // No block is at 0: there was no room.
    if (part.scales !== 0) free(part.scales, arrayBytes(part))
  }

  const hasRoom = (bytes: number): boolean => partBytes + bytes <= bytesMax

  /** Give up what is least useful until so many bytes fit: retired parts, codes that are not back yet, codes of parts larger than `codesBelow`. */
  function makeRoom(bytes: number, codesBelow = 0): boolean {
    const fits = () => hasRoom(bytes)
    for (const part of [...parts].filter(({ retired }) => retired)) {
      if (fits()) return true
      release(part)
    }
    for (const part of parts) {
      if (fits()) return true
      dropIncoming(part)
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

  /** Rows without gaps → rows of `stride` bytes. */
  function writeCodes({ dim, stride }: HeldPart, codes: Uint8Array, at: Pointer): void {
    if (dim === stride) {
      u8(at, codes.length).set(codes)
      return
    }
    const rows = codes.length / dim
    const target = u8(at, rows * stride).fill(BIAS)
    for (let row = 0; row < rows; row++) target.set(codes.subarray(row * dim, (row + 1) * dim), row * stride)
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

  /** Without codes its signs are all that there can be. */
  const basicBytes = (part: HeldPart): number =>
    arrayBytes(part) + (isLarge(part) ? codeBytes(part) / 8 : codeBytes(part))
  const isLarge = (part: HeldPart): boolean => codeBytes(part) >= signsFromBytes

  function allocateBasics(part: HeldPart): void {
    part.scales = allocate(arrayBytes(part))
    part.numbers = part.scales + 4 * part.padded
    part.gains = part.numbers + 4 * part.padded
    u8(part.scales, arrayBytes(part)).fill(0)
    if (!isLarge(part)) return
    const bytes = codeBytes(part) / 8
    const mean = new Float32Array(part.dim)
    part.signs = {
      ...{ at: allocate(bytes), bytes, mean, gainUnit: 0, done: 0 },
      gains: new Float32Array(part.padded),
    }
  }

  function allocateCodes(part: HeldPart): Pointer {
    const { rows, dim, stride, padded } = part
    const at = allocate(codeBytes(part))
    const from = dim === stride ? rows : 0
    u8(at + from * stride, (padded - from) * stride).fill(BIAS)
    return at
  }

  function reserve(rows: number, dim: number): HeldPart {
    checkDim(dim)
    const part: HeldPart = {
      ...{ rows, dim, scales: 0, numbers: 0, gains: 0, signs: null, codes: null, incoming: null },
      stride: Math.ceil(dim / DIM_BLOCK) * DIM_BLOCK,
      padded: Math.ceil(rows / ROW_BLOCK) * ROW_BLOCK,
      retired: false,
    }
    const step = Math.max(1, Math.floor(rows / SAMPLE_ROWS))
    const codes = () => new Uint8Array(Math.ceil(rows / step) * dim)
    filling.set(part, isLarge(part) ? { step, codes: codes() } : null)
    if (!makeRoom(basicBytes(part))) return part
    allocateBasics(part)
    if (makeRoom(codeBytes(part), codeBytes(part))) part.codes = allocateCodes(part)
    return part
  }

  function write(part: HeldPart, offset: number, bytes: Uint8Array): void {
    const sample = filling.get(part)
    // Released meanwhile.
    if (sample === undefined) return
    const { rows, dim, stride, codes } = part
    assert(offset >= 0 && offset + bytes.length <= rows * dim, 'vectors beyond the last row')
    if (codes !== null && dim === stride) u8(codes + offset, bytes.length).set(bytes)
    else if (codes !== null)
      eachRow({ dim, step: 1 }, offset, bytes, (row, column, piece) =>
        u8(codes + row * stride + column, piece.length).set(piece),
      )
    if (sample)
      eachRow({ dim, step: sample.step }, offset, bytes, (row, column, piece) =>
        sample.codes.set(piece, (row / sample.step) * dim + column),
      )
  }

  function writeArrays(part: HeldPart, { scales, numbers }: RowValues): void {
    f32(part.scales, part.rows).set(scales.map(scaleOf))
    u32(part.numbers, part.rows).set(numbers)
  }

  function answer(part: HeldPart): void {
    filling.delete(part)
    parts.add(part)
    // What came while this was filled could not give way to it.
    makeRoom(0)
  }

  function complete(part: HeldPart, values: RowValues): void {
    const sample = filling.get(part)
    if (sample === undefined) return
    const { rows, dim } = part
    assert(values.scales.length === rows && values.numbers.length === rows, 'vectors of different lengths')
    const mean = sample && meanOf(sample, values.scales, dim)
    if (part.scales === 0) {
      filling.delete(part)
      missing.set(part, mean)
      return
    }
    writeArrays(part, values)
    if (part.signs) part.signs.mean = mean!
    filling.set(part, null)
    if (part.codes !== null) answer(part)
  }

  function wanted(part: HeldPart): RowRange | null {
    const { rows, incoming, codes, signs } = part
    const from = incoming?.done ?? (filling.has(part) && codes === null ? signs?.done : undefined)
    return from === undefined ? null : { from, to: Math.min(rows, from + SLICE_ROWS) }
  }

  function give(part: HeldPart, from: number, codes: Uint8Array): void {
    const range = wanted(part)
    // Asked for by a request that was taken for dead, and given by another meanwhile.
    if (range?.from !== from) return
    const { to } = range
    const { dim, stride, incoming } = part
    assert(codes.length === (to - from) * dim, 'a slice of another length')
    const at = incoming ? incoming.at + from * stride : scratch('slice', SLICE_ROWS * stride)
    writeCodes(part, codes, at)
    if (incoming) incoming.done = to
    else encodeSlice(part, part.signs!, at, to)
    if (to < part.rows) return
    if (incoming) {
      part.codes = incoming.at
      part.incoming = null
    }
    answer(part)
  }

  function regain(part: HeldPart, values: RowValues): boolean {
    if (part.incoming || (filling.has(part) && part.codes === null)) return true
    const mean = missing.get(part)
    if (mean !== undefined) {
      if (!hasRoom(basicBytes(part))) return false
      missing.delete(part)
      filling.set(part, null)
      allocateBasics(part)
      writeArrays(part, values)
      if (part.signs) part.signs.mean = mean!
      else part.incoming = { at: allocateCodes(part), done: 0 }
      return true
    }
    if (!parts.has(part) || part.retired || part.codes !== null || !hasRoom(codeBytes(part))) return false
    part.incoming = { at: allocateCodes(part), done: 0 }
    return true
  }

  function place({ dim, codes, scales, numbers }: VectorRows): HeldPart {
    checkDim(dim)
    const rows = scales.length
    assert(codes.length === rows * dim && numbers.length === rows, 'vectors of different lengths')
    const part = reserve(rows, dim)
    write(part, 0, codes)
    complete(part, { scales, numbers })
    for (let range = wanted(part); range; range = wanted(part))
      give(part, range.from, codes.subarray(range.from * dim, range.to * dim))
    return part
  }

  return {
    ...{ memory, kernels, u8, i16, u32, f32, scratch, place, release, advanceSigns },
    ...{ reserve, write, complete, wanted, give, regain },
    shortfall(part) {
      if (missing.has(part)) return 'missing'
      return parts.has(part) && part.codes === null ? 'estimated' : null
    },
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
      missingRows: rowsOf([...missing.keys()]),
    }),
  }
}

const checkDim = (dim: number): void =>
  assert(dim > 0 && dim <= DIM_MAX && dim % DIM_STEP === 0, `vectors of ${dim} components`)

const rowsOf = (parts: readonly HeldPart[]): number => parts.reduce((sum, { rows }) => sum + rows, 0)

/** What some bytes of u8[rows, dim] have of every `step`-th row. */
function eachRow(
  { dim, step }: { dim: number; step: number },
  offset: number,
  bytes: Uint8Array,
  take: (row: number, column: number, piece: Uint8Array) => void,
): void {
  const end = offset + bytes.length
  for (let row = Math.floor(offset / dim / step) * step; row * dim < end; row += step) {
    const from = Math.max(offset, row * dim)
    const to = Math.min(end, (row + 1) * dim)
    if (from < to) take(row, from - row * dim, bytes.subarray(from - offset, to - offset))
  }
}

/** Mean of the rows of a sample that have a vector. f32[dim] */
function meanOf({ step, codes }: Sample, scales: Float32Array, dim: number): Float32Array {
  const sums = new Float64Array(dim)
  let count = 0
  for (let row = 0, from = 0; row < scales.length; row += step, from += dim) {
    const scale = scaleOf(scales[row]!)
    if (scale === 0) continue
    count++
    for (let i = 0; i < dim; i++) sums[i]! += (codes[from + i]! - BIAS) * scale
  }
  return Float32Array.from(sums, (sum) => (count > 0 ? sum / count : 0))
}
