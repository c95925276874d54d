/**
 * @file The engine on WebAssembly kernels. It owns one memory and lays out what the kernels read; every length and index is
 * checked here, because kernels trust their pointers.
 *
 * A part is up to three blocks: its arrays by row, its signs when it is large, and its codes while they fit in the budget.
 * Where codes were given up, scores are estimated from signs.
 */
import { createArena } from '../kernels/arena.ts'
import {
  CANDIDATES_BYTES,
  candidateCount,
  createKernels,
  DIM_BLOCK,
  ENTRY_BYTES,
  HEAP_BYTES,
  type KernelModule,
  PART_BYTES,
  POOL_BYTES,
  type Pointer,
  QUERY_BYTES,
  ROW_BLOCK,
  readHeap,
  writeCandidates,
  writeHeap,
  writePart,
  writePool,
  writeQuery,
} from '../kernels/kernels.ts'
import { assert } from '../lib/result.ts'
import { QUERIES_MAX, scaleOf, type Target, type VectorEngine, type VectorPart } from './engine.ts'
import { qualityOf } from './plain-diversify.ts'
import { BIAS, DIM_MAX, dequantise, quantiseItem } from './quantise.ts'

/** Of vectors in one isolate; it has 128 MB for everything. */
export const VECTOR_BYTES_MAX = 90 * 1024 * 1024
/** A part with fewer bytes of codes is scanned whole: reading its signs first would save nothing. */
export const SIGNS_FROM_BYTES = 8 * 1024 * 1024
/** How many rows a scan of signs hands on: enough that the best are nearly always among them. */
const CANDIDATES_MIN = 1_024
const CANDIDATES_PER_HIT = 5
/** Rows of which the mean is taken, and rows whose signs are computed at a time. */
const SAMPLE_ROWS = 4_096
const SLICE_ROWS = 8_192
/** A gain is stored in 15 bits, relative to the largest or to so many times the mean: one huge row must not blur the others. */
const GAIN_MAX = 32_767
const GAIN_SPREAD = 4
/** Slots of scratch memory; each grows to the largest size that was asked for. */
type Slot = 'part' | 'query' | 'table' | 'heap' | 'mask' | 'found' | 'slice' | 'mean' | 'rows' | 'pool'

type Signs = {
  at: Pointer
  bytes: number
  /** Component units of one step of a stored gain. */
  gainUnit: number
  /** f32[dim]: what the signs are relative to. */
  mean: Float32Array
}
type Held = VectorPart & {
  /** `dim` rounded up to whole lines; components beyond it are 0. */
  stride: number
  /** scales f32, numbers u32, gains i16, of `padded` rows each. */
  arrays: Pointer
  arrayBytes: number
  padded: number
  signs: Signs | null
  codes: Pointer | null
  retired: boolean
  released: boolean
}

export type WasmEngineOptions = { bytesMax?: number; signsFromBytes?: number }

export function createWasmEngine(
  kernelModule: KernelModule,
  { bytesMax: firstBytesMax = VECTOR_BYTES_MAX, signsFromBytes = SIGNS_FROM_BYTES }: WasmEngineOptions = {},
): VectorEngine {
  let bytesMax = firstBytesMax
  const arena = createArena()
  const { memory } = arena
  const kernels = createKernels(kernelModule, memory)
  const parts = new Set<Held>()
  const slots = new Map<Slot, { at: Pointer; bytes: number }>()
  /** Bytes of parts; scratch memory comes on top and is small. */
  let partBytes = 0
  let missingRows = 0

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

  const scalesOf = (part: Held): Pointer => part.arrays
  const numbersOf = (part: Held): Pointer => part.arrays + 4 * part.padded
  const gainsOf = (part: Held): Pointer => part.arrays + 8 * part.padded
  const codeBytes = (part: Held): number => part.padded * part.stride
  /** 0 for a row without a vector, and for one that is not there. */
  const scaleAt = (part: Held, row: number): number =>
    parts.has(part) && row >= 0 && row < part.rows ? f32(scalesOf(part) + 4 * row, 1)[0]! : 0

  // — Room —

  function allocatePart(bytes: number): Pointer {
    partBytes += bytes
    return arena.allocate(bytes)
  }
  function freePart(at: Pointer, bytes: number): void {
    partBytes -= bytes
    arena.free(at)
  }
  function dropCodes(part: Held): void {
    if (part.codes !== null) freePart(part.codes, codeBytes(part))
    part.codes = null
  }
  function release(part: Held): void {
    if (part.released) return
    dropCodes(part)
    if (part.signs) freePart(part.signs.at, part.signs.bytes)
    freePart(part.arrays, part.arrayBytes)
    part.signs = null
    part.released = true
    parts.delete(part)
  }

  /** Make room by giving up what is least useful: retired parts whole, then codes of parts larger than `codesBelow`. */
  function makeRoom(bytes: number, codesBelow: number): boolean {
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

  // — Placing —

  function writeRows(part: Held, codes: Uint8Array, from: number, to: number, at: Pointer): void {
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

  function writeSigns(part: Held, codes: Uint8Array, at: Pointer): Signs {
    const { rows, stride, padded } = part
    const mean = meanOf(codes, f32(scalesOf(part), rows), part.dim)
    const meanAt = scratch('mean', 4 * stride)
    f32(meanAt, stride).fill(0)
    f32(meanAt, stride).set(mean)
    const bytes = (padded * stride) / 8
    u8(at, bytes).fill(0)
    const gains = new Float32Array(padded)
    // By slices: the codes of a large part need never be here whole.
    const slice = scratch('slice', SLICE_ROWS * (stride + 4))
    const sliceGains = slice + SLICE_ROWS * stride
    for (let from = 0; from < rows; from += SLICE_ROWS) {
      const to = Math.min(rows, from + SLICE_ROWS)
      writeRows(part, codes, from, to, slice)
      const record = scratch('part', PART_BYTES)
      writePart(memory, record, {
        ...{ codes: slice, scales: scalesOf(part) + 4 * from, numbers: 0, mask: 0 },
        ...{ signs: at + (from * stride) / 8, gains: 0, rows: to - from, dim: stride, base: 0 },
      })
      kernels.encodeSigns(record, meanAt, sliceGains)
      gains.set(f32(sliceGains, to - from), from)
    }
    let total = 0
    let largest = 0
    for (const gain of gains) {
      total += gain
      largest = Math.max(largest, gain)
    }
    const gainUnit = Math.min(largest, (GAIN_SPREAD * total) / rows) / GAIN_MAX
    const stored = i16(gainsOf(part), padded)
    for (let row = 0; row < padded; row++)
      stored[row] = gainUnit > 0 ? Math.min(GAIN_MAX, Math.round(gains[row]! / gainUnit)) : 0
    return { at, bytes, gainUnit, mean }
  }

  function place({ dim, codes, scales, numbers }: Parameters<VectorEngine['place']>[0]): Held {
    const rows = scales.length
    assert(dim > 0 && dim <= DIM_MAX, `vectors of ${dim} components`)
    assert(codes.length === rows * dim && numbers.length === rows, 'vectors of different lengths')
    const stride = Math.ceil(dim / DIM_BLOCK) * DIM_BLOCK
    const padded = Math.ceil(rows / ROW_BLOCK) * ROW_BLOCK
    const part: Held = {
      ...{ rows, dim, stride, padded, arrays: 0, arrayBytes: 10 * padded },
      ...{ signs: null, codes: null, retired: false, released: false },
    }
    const hasSigns = padded * stride >= signsFromBytes
    const least = part.arrayBytes + (hasSigns ? (padded * stride) / 8 : codeBytes(part))
    if (!makeRoom(least, 0)) {
      missingRows += rows
      part.released = true
      return part
    }
    part.arrays = allocatePart(part.arrayBytes)
    parts.add(part)
    u8(part.arrays, part.arrayBytes).fill(0)
    f32(scalesOf(part), rows).set(scales.map(scaleOf))
    u32(numbersOf(part), rows).set(numbers)
    if (hasSigns) part.signs = writeSigns(part, codes, allocatePart((padded * stride) / 8))
    if (makeRoom(codeBytes(part), codeBytes(part))) {
      part.codes = allocatePart(codeBytes(part))
      u8(part.codes + rows * stride, (padded - rows) * stride).fill(BIAS)
      writeRows(part, codes, 0, rows, part.codes)
    }
    return part
  }

  // — Searching —

  /** Write up to four queries and their values; null when one is not finite. */
  function writeQueries(queries: readonly Float32Array[], stride: number): Pointer {
    const at = scratch('query', QUERIES_MAX * (QUERY_BYTES + stride))
    for (let i = 0; i < QUERIES_MAX; i++) {
      const values = at + QUERIES_MAX * QUERY_BYTES + i * stride
      const { codes, scale } = quantiseItem(queries[i] ?? new Float32Array())
      const target = new Int8Array(memory.buffer, values, stride).fill(0)
      let sum = 0
      for (let k = 0; k < codes.length; k++) {
        target[k] = codes[k]! - BIAS
        sum += target[k]!
      }
      // The zero query scores 0 everywhere, whatever its scale.
      writeQuery(memory, at + i * QUERY_BYTES, { values, offset: BIAS * sum, scale: scale > 0 ? scale : 1 })
    }
    return at
  }

  /** Heaps for `count` queries; those of the queries that are not there hold nothing. */
  function writeHeaps(count: number, capacity: number): Pointer {
    const at = scratch('heap', QUERIES_MAX * HEAP_BYTES + count * capacity * ENTRY_BYTES)
    for (let i = 0; i < QUERIES_MAX; i++)
      writeHeap(
        memory,
        at + i * HEAP_BYTES,
        i < count ? capacity : 0,
        at + QUERIES_MAX * HEAP_BYTES + Math.min(i, count) * capacity * ENTRY_BYTES,
      )
    return at
  }

  function writeTarget(part: Held, base: number, mask: Uint32Array): Pointer {
    const record = scratch('part', PART_BYTES)
    const words = part.padded / 32
    const maskAt = scratch('mask', 4 * words)
    const copy = u32(maskAt, words).fill(0)
    copy.set(mask.subarray(0, words))
    // No row beyond the last can be an answer, whatever the mask says.
    if (part.rows % 32 > 0) copy[words - 1]! &= 2 ** (part.rows % 32) - 1
    writePart(memory, record, {
      ...{ codes: part.codes ?? 0, scales: scalesOf(part), numbers: numbersOf(part), mask: maskAt },
      ...{ signs: part.signs?.at ?? 0, gains: gainsOf(part), rows: part.rows, dim: part.stride, base },
    })
    return record
  }

  function searchBySigns(
    part: Held,
    signs: Signs,
    record: Pointer,
    query: Pointer,
    heap: Pointer,
    limit: number,
  ) {
    const { stride } = part
    const wanted = candidatesFor(limit)
    const scoreMax = 4 * stride + 1
    const bytes = CANDIDATES_BYTES + 8 + 64 + wanted * 4 * 6 + 4 * (2 * scoreMax + 1)
    const found = scratch('found', bytes)
    const spill = found + 32
    const rows = spill + 64
    const scores = rows + wanted * 16
    writeCandidates(memory, found, { rows, scores, histogram: scores + wanted * 8, wanted, scoreMax })
    const table = scratch('table', 4 * stride)
    const step = kernels.stepOf(query, stride)
    const middle = kernels.buildTable(query, stride, step, table)
    kernels.collect(record, table, middle, found, spill)
    if (part.codes !== null) {
      kernels.rescore(record, query, found, heap)
      return
    }
    // Signs alone: what they estimate, back in the units of a dot product.
    const queryScale = new Float64Array(memory.buffer, query + 8, 1)[0]!
    const values = new Int8Array(memory.buffer, u32(query, 1)[0]!, stride)
    let center = 0
    for (let i = 0; i < part.dim; i++) center += values[i]! * signs.mean[i]!
    const unit = signs.gainUnit * step * (GAIN_MAX + 1)
    const [numbers, foundRows] = [u32(numbersOf(part), part.rows), u32(rows, candidateCount(memory, found))]
    const base = u32(record, PART_BYTES / 4)[8]!
    foundRows.forEach((row, i) => {
      const estimate = (center + i16(scores, foundRows.length)[i]! * unit) * queryScale
      kernels.offer(heap, estimate, numbers[row]!, base + row)
    })
  }

  const isUsable = (target: Target, dim: number): boolean => {
    const part = target.part as Held
    return parts.has(part) && part.dim === dim
  }

  function searchMany(targets: readonly Target[], queries: readonly Float32Array[], limit: number) {
    assert(queries.length <= QUERIES_MAX, `${queries.length} queries at once`)
    const dim = queries[0]?.length ?? 0
    assert(
      queries.every((query) => query.length === dim),
      'queries of different dimensions',
    )
    const usable = targets.filter((target) => isUsable(target, dim))
    const rows = usable.reduce((sum, { part }) => sum + part.rows, 0)
    const capacity = Math.min(limit, rows)
    if (capacity <= 0 || !queries.every((query) => query.every(Number.isFinite))) return queries.map(() => [])
    const stride = Math.ceil(dim / DIM_BLOCK) * DIM_BLOCK
    const query = writeQueries(queries, stride)
    const heaps = writeHeaps(queries.length, capacity)
    for (const { part: target, base, mask } of usable) {
      const part = target as Held
      const record = writeTarget(part, base, mask)
      const { signs } = part
      if (signs && (part.codes === null || 2 * candidatesFor(limit) < part.rows))
        for (let i = 0; i < queries.length; i++)
          searchBySigns(part, signs, record, query + i * QUERY_BYTES, heaps + i * HEAP_BYTES, limit)
      else if (queries.length === 1) kernels.scan(record, query, heaps)
      else kernels.scanFour(record, query, heaps)
    }
    return queries.map((_, i) => {
      kernels.sortHeap(heaps + i * HEAP_BYTES)
      return readHeap(memory, heaps + i * HEAP_BYTES)
    })
  }

  const engine: VectorEngine = {
    state: () => ({
      kernels: kernelModule.name,
      residentBytes: memory.buffer.byteLength,
      usedBytes: arena.usedBytes(),
      estimatedRows: [...parts].reduce((sum, { codes, rows }) => sum + (codes === null ? rows : 0), 0),
      missingRows,
    }),
    limit(bytes) {
      bytesMax = bytes
      makeRoom(0, 0)
    },
    place,
    retire: (part) => {
      ;(part as Held).retired = true
    },
    release: (part) => release(part as Held),
    search: (targets, query, limit) => searchMany(targets, [query], limit)[0]!,
    searchMany,
    scoresOf(target, rows, query) {
      const part = target as Held
      const scores = new Float32Array(rows.length)
      if (!isUsable({ part, base: 0, mask: new Uint32Array() }, query.length)) return scores
      if (!query.every(Number.isFinite)) return scores
      assert(
        rows.every((row) => row >= 0 && row < part.rows),
        'a row out of range',
      )
      if (part.codes === null) {
        for (const [i, row] of rows.entries()) scores[i] = dotOf(engine.vectorOf(part, row), query)
        return scores
      }
      const at = writeQueries([query], part.stride)
      const rowsAt = scratch('rows', 8 * rows.length)
      u32(rowsAt, rows.length).set(rows)
      const scoresAt = rowsAt + 4 * rows.length
      kernels.scoreRows(writeTarget(part, 0, new Uint32Array()), at, rowsAt, rows.length, scoresAt)
      scores.set(f32(scoresAt, rows.length))
      return scores
    },
    vectorOf(target, row) {
      const part = target as Held
      const scale = scaleAt(part, row)
      if (scale === 0) return null
      const { dim, stride, codes, signs } = part
      if (codes !== null) return dequantise(u8(codes + row * stride, dim), 0, dim, scale)
      const gain = i16(gainsOf(part), part.rows)[row]! * signs!.gainUnit
      const block = u8(signs!.at + (row >>> 5) * 4 * stride, 4 * stride)
      // x ≈ μ + gain · sign
      return signs!.mean.map((middle, i) => {
        const half = block[(i >>> 2) * 16 + (row & 15)]! >>> (row & 16 ? 4 : 0)
        return middle + ((half >>> (i & 3)) & 1 ? gain : -gain)
      })
    },
    choose(candidates, rule, wanted) {
      const held = candidates.map(({ part }) => part as Held)
      const first = held.find((part) => parts.has(part))
      const stride = first?.stride ?? DIM_BLOCK
      const count = candidates.length
      const rounded = Math.ceil(Math.min(wanted, count) / 4) * 4
      if (rounded <= 0) return []
      // Words first, then bytes: relevance, scales, state, chosen, factors | values, codes.
      const wordBytes = 4 * (3 * count + rounded + count * rounded)
      const linesAt = Math.ceil((POOL_BYTES + wordBytes) / DIM_BLOCK) * DIM_BLOCK
      const pool = scratch('pool', linesAt + (count + 1) * stride)
      const relevance = pool + POOL_BYTES
      const scales = relevance + 4 * count
      const state = scales + 4 * count
      const chosen = state + 4 * count
      const values = pool + linesAt
      const codes = values + stride
      candidates.forEach(({ row, relevance: value }, i) => {
        const part = held[i]!
        const isKnown = part.dim === first?.dim && part.codes !== null && scaleAt(part, row) > 0
        f32(relevance, count)[i] = rule.kind === 'mmr' ? value : qualityOf(value, rule.sharpness)
        f32(scales, count)[i] = isKnown ? scaleAt(part, row) : 0
        const target = u8(codes + i * stride, stride)
        if (isKnown) target.set(u8(part.codes! + row * stride, stride))
        else target.fill(BIAS)
      })
      writePool(memory, pool, {
        ...{ codes, scales, relevance, state, factors: chosen + 4 * rounded, values, chosen },
        ...{ count, dim: stride, wanted: Math.min(wanted, count) },
      })
      const taken = rule.kind === 'mmr' ? kernels.chooseMmr(pool, rule.lambda) : kernels.chooseDpp(pool)
      return [...u32(chosen, taken)]
    },
  }
  return engine
}

/** A multiple of 32: the buffer takes a whole block at a time. */
const candidatesFor = (limit: number): number =>
  Math.ceil(Math.max(CANDIDATES_MIN, CANDIDATES_PER_HIT * limit) / 32) * 32

const dotOf = (a: Float32Array | null, b: Float32Array): number =>
  a?.reduce((sum, value, i) => sum + value * b[i]!, 0) ?? 0

/** Mean of a sample of the rows that have a vector, spread over all. f32[dim] */
function meanOf(codes: Uint8Array, scales: Float32Array, dim: number): Float32Array {
  const sums = new Float64Array(dim)
  const every = Math.max(1, Math.floor(scales.length / SAMPLE_ROWS))
  let count = 0
  for (let row = 0; row < scales.length; row += every) {
    const scale = scales[row]!
    if (scale === 0) continue
    count++
    for (let i = 0; i < dim; i++) sums[i]! += (codes[row * dim + i]! - BIAS) * scale
  }
  return Float32Array.from(sums, (sum) => (count > 0 ? sum / count : 0))
}
