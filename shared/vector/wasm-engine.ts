/**
 * @file The engine on WebAssembly kernels: lays out queries, masks and heaps for them, and reads what they found. Every length and
 * index is checked here, because kernels trust their pointers.
 *
 * A large part is searched by its signs first, and what they find promising is scored exactly. Signs are made a slice at a time
 * by the searches that come, so that the first one does not wait for all.
 */
import {
  CANDIDATES_BYTES,
  candidateCount,
  DIM_BLOCK,
  ENTRY_BYTES,
  HEAP_BYTES,
  type KernelModule,
  PART_BYTES,
  type Pointer,
  QUERY_BYTES,
  ROW_BLOCK,
  readHeap,
  readQuery,
  writeCandidates,
  writeHeap,
  writePart,
  writeQuery,
} from '../kernels/kernels.ts'
import { assert } from '../lib/result.ts'
import { chooseInPool } from './choose-in-pool.ts'
import { QUERIES_MAX, type Target, type VectorEngine } from './engine.ts'
import { BIAS, dequantise, quantiseItem } from './quantise.ts'
import {
  createVectorMemory,
  GAIN_MAX,
  type HeldPart,
  type Signs,
  type VectorMemoryOptions,
} from './vector-memory.ts'

/** How many rows a scan of signs hands on: enough that the best are nearly always among them. */
const CANDIDATES_MIN = 1_280
const CANDIDATES_PER_HIT = 5
const candidatesFor = (limit: number): number => Math.max(CANDIDATES_MIN, CANDIDATES_PER_HIT * limit)

export function createWasmEngine(
  kernelModule: KernelModule,
  options: VectorMemoryOptions = {},
): VectorEngine {
  const held = createVectorMemory(kernelModule, options)
  const { memory, kernels, u8, i16, u32, f32, scratch } = held
  const isUsable = (part: HeldPart, dim: number): boolean => held.isHeld(part) && part.dim === dim

  /** Up to four queries, one after the other, and their values. Those that are not there are zero. */
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

  function writeTarget(part: HeldPart, base: number, mask: Uint32Array): Pointer {
    const record = scratch('part', PART_BYTES)
    const words = part.padded / 32
    const maskAt = scratch('mask', 4 * words)
    const copy = u32(maskAt, words).fill(0)
    copy.set(mask.subarray(0, words))
    // No row beyond the last can be an answer, whatever the mask says.
    if (part.rows % 32 > 0) copy[words - 1]! &= 2 ** (part.rows % 32) - 1
    writePart(memory, record, {
      ...{ codes: part.codes ?? 0, scales: part.scales, numbers: part.numbers, mask: maskAt },
      ...{ signs: part.signs?.at ?? 0, gains: part.gains, rows: part.rows, dim: part.stride, base },
    })
    return record
  }

  type Search = { query: Pointer; heap: Pointer; limit: number }

  /** @returns the candidates that the signs of a part give */
  function collect(part: HeldPart, record: Pointer, { query, limit }: Search) {
    const { stride } = part
    const wanted = candidatesFor(limit)
    const scoreMax = 4 * stride + 1
    // A word of rows is appended whole before the buffer is cut down.
    const capacity = 4 * wanted + ROW_BLOCK
    const bytes = CANDIDATES_BYTES + 2 * ROW_BLOCK + 6 * capacity + 4 * (2 * scoreMax + 1)
    const found = scratch('found', bytes)
    const rows = found + CANDIDATES_BYTES
    const histogram = rows + 4 * capacity
    const scores = histogram + 4 * (2 * scoreMax + 1)
    writeCandidates(memory, found, { rows, scores, histogram, wanted, scoreMax })
    const table = scratch('table', 4 * stride)
    const step = kernels.stepOf(query, stride)
    const middle = kernels.buildTable(query, stride, step, table)
    kernels.collect(record, table, middle, found, scores + 2 * capacity)
    return { found, rows, scores, step }
  }

  /** ⟨q, x⟩ ≈ ⟨q, μ⟩ + gain · ⟨q, b⟩ for the candidates of a part without codes, in the units of a dot product. */
  function offerEstimates(part: HeldPart, signs: Signs, record: Pointer, base: number, search: Search): void {
    const { found, rows, scores, step } = collect(part, record, search)
    const { scale, values } = readQuery(memory, search.query)
    const query = new Int8Array(memory.buffer, values, part.dim)
    const centre = signs.mean.reduce((sum, middle, i) => sum + middle * query[i]!, 0)
    const unit = signs.gainUnit * step * (GAIN_MAX + 1)
    const count = candidateCount(memory, found)
    const numbers = u32(part.numbers, part.rows)
    const estimates = i16(scores, count)
    u32(rows, count).forEach((row, i) => {
      kernels.offer(search.heap, (centre + estimates[i]! * unit) * scale, numbers[row]!, base + row)
    })
  }

  function searchMany(targets: readonly Target[], queries: readonly Float32Array[], limit: number) {
    assert(queries.length <= QUERIES_MAX, `${queries.length} queries at once`)
    const dim = queries[0]?.length ?? 0
    assert(
      queries.every((query) => query.length === dim),
      'queries of different dimensions',
    )
    const usable = targets.filter(({ part }) => isUsable(part as HeldPart, dim))
    const rows = usable.reduce((sum, { part }) => sum + part.rows, 0)
    const capacity = Math.min(limit, rows)
    if (capacity <= 0 || !queries.every(areFinite)) return queries.map(() => [])
    const firstQuery = writeQueries(queries, Math.ceil(dim / DIM_BLOCK) * DIM_BLOCK)
    const firstHeap = writeHeaps(queries.length, capacity)
    const searches = queries.map((_, i) => ({
      query: firstQuery + i * QUERY_BYTES,
      heap: firstHeap + i * HEAP_BYTES,
      limit,
    }))
    for (const { part: target, base, mask } of usable) {
      const part = target as HeldPart
      const hasSigns = held.advanceSigns(part)
      const record = writeTarget(part, base, mask)
      if (part.codes === null)
        for (const search of searches) offerEstimates(part, part.signs!, record, base, search)
      else if (hasSigns && 2 * candidatesFor(limit) < part.rows)
        for (const search of searches)
          kernels.rescore(record, search.query, collect(part, record, search).found, search.heap)
      else if (searches.length === 1) kernels.scan(record, firstQuery, firstHeap)
      else kernels.scanFour(record, firstQuery, firstHeap)
    }
    return searches.map(({ heap }) => {
      kernels.sortHeap(heap)
      return readHeap(memory, heap)
    })
  }

  const engine: VectorEngine = {
    state: held.state,
    limit: held.limit,
    place: held.place,
    reserve: held.reserve,
    write: (part, offset, bytes) => held.write(part as HeldPart, offset, bytes),
    complete: (part, values) => held.complete(part as HeldPart, values),
    wanted: (part) => held.wanted(part as HeldPart),
    give: (part, from, codes) => held.give(part as HeldPart, from, codes),
    regain: (part, values) => held.regain(part as HeldPart, values),
    shortfall: (part) => held.shortfall(part as HeldPart),
    retire: (part) => {
      ;(part as HeldPart).retired = true
    },
    release: (part) => held.release(part as HeldPart),
    search: (targets, query, limit) => searchMany(targets, [query], limit)[0]!,
    searchMany,
    scoresOf(target, rows, query) {
      const part = target as HeldPart
      const scores = new Float32Array(rows.length)
      if (!isUsable(part, query.length) || !areFinite(query)) return scores
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
      const part = target as HeldPart
      const scale = held.scaleAt(part, row)
      if (scale === 0) return null
      const { dim, stride, codes, signs } = part
      if (codes !== null) return dequantise(u8(codes + row * stride, dim), 0, dim, scale)
      const gain = i16(part.gains, part.rows)[row]! * signs!.gainUnit
      const block = u8(signs!.at + (row >>> 4) * 2 * stride, 2 * stride)
      // x ≈ μ + gain · sign
      return signs!.mean.map((middle, i) => {
        const line = block[(i >>> 3) * 16 + (row & 15)]!
        return middle + ((line >>> (i & 7)) & 1 ? gain : -gain)
      })
    },
    choose: (candidates, rule, wanted) => chooseInPool(held, candidates, rule, wanted),
  }
  return engine
}

const areFinite = (query: Float32Array): boolean => query.every(Number.isFinite)

const dotOf = (a: Float32Array | null, b: Float32Array): number =>
  a?.reduce((sum, value, i) => sum + value * b[i]!, 0) ?? 0
