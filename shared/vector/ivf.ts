/** @file Inverted lists of vectors: layout in IVF.md. Reads untrusted bytes; who fetches them is elsewhere. */
import { err, ok, type Result } from '../lib/result.ts'
import { codeSums, DIM_STEP, dotRows, type QuantisedVector, quantiseQuery } from './quantise.ts'

const MAGIC = 0x46564941
const VERSION = 1
const FIXED_BYTES = 20
/** Beside the codes of an entry: number, version, scale. */
const ENTRY_FIELDS_BYTES = 12
const CODE_MAX = 127
const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193

export type IvfError = { kind: 'corrupt'; reason: string }
const corrupt = (reason: string) => err<IvfError>({ kind: 'corrupt', reason })

export type IvfHead = {
  readonly dim: number
  readonly listCount: number
  /** Entries of all lists. */
  readonly entryCount: number
  /** u32[listCount + 1] */
  readonly first: Uint32Array
  readonly checksums: Uint32Array
  /** u8[listCount, dim] */
  readonly centroids: Uint8Array
  readonly centroidScale: Float32Array
  /** For `dotRows`; not in the file. */
  readonly centroidSum: Uint32Array
}
export type IvfEntry = { number: number; version: number; vector: QuantisedVector }
/** A range of the lists' file. */
export type ByteRange = { offset: number; length: number }

const entryBytes = (dim: number): number => ENTRY_FIELDS_BYTES + dim

/**
 * @param centroids one of each list
 * @param listOf    list of each entry
 * @param entry     entries by position; their order within a list is kept
 */
export function encodeIvf(
  dim: number,
  centroids: readonly QuantisedVector[],
  listOf: Uint32Array,
  entry: (at: number) => IvfEntry,
): { head: Uint8Array; lists: Uint8Array } {
  const [k, n] = [centroids.length, listOf.length]
  const { first, order } = sortByList(listOf, k)
  const head = new Uint8Array(headBytes(k, dim))
  const words = new DataView(head.buffer)
  ;[MAGIC, VERSION, dim, k, n].forEach((word, at) => {
    words.setUint32(at * 4, word, true)
  })
  const lists = new Uint8Array(n * entryBytes(dim))
  const parts = partsOf(k)
  centroids.forEach(({ codes, scale }, list) => {
    const [from, to] = [first[list]!, first[list + 1]!]
    const bytes = lists.subarray(from * entryBytes(dim), to * entryBytes(dim))
    writeList(bytes, order.subarray(from, to), entry, dim)
    words.setFloat32(parts.scales + list * 4, scale, true)
    words.setUint32(parts.checksums + list * 4, checksumOf(bytes), true)
    head.set(codes, parts.centroids + list * dim)
  })
  first.forEach((entries, list) => {
    words.setUint32(parts.first + list * 4, entries, true)
  })
  return { head, lists }
}

/** Positions by list, a counting sort: 1M entries take no objects. */
function sortByList(listOf: Uint32Array, k: number): { first: Uint32Array; order: Uint32Array } {
  const first = new Uint32Array(k + 1)
  for (const list of listOf) first[list + 1]!++
  for (let list = 0; list < k; list++) first[list + 1]! += first[list]!
  const next = first.slice()
  const order = new Uint32Array(listOf.length)
  listOf.forEach((list, at) => {
    order[next[list]!++] = at
  })
  return { first, order }
}

function writeList(
  bytes: Uint8Array,
  positions: Uint32Array,
  entry: (at: number) => IvfEntry,
  dim: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const m = positions.length
  positions.forEach((position, at) => {
    const { number, version, vector } = entry(position)
    view.setUint32(at * 4, number, true)
    view.setUint32((m + at) * 4, version, true)
    view.setFloat32((2 * m + at) * 4, vector.scale, true)
    bytes.set(vector.codes, ENTRY_FIELDS_BYTES * m + at * dim)
  })
}

/** Byte offsets of the head's parts. */
const partsOf = (k: number) => ({
  scales: FIXED_BYTES,
  first: FIXED_BYTES + 4 * k,
  checksums: FIXED_BYTES + 4 * k + 4 * (k + 1),
  centroids: FIXED_BYTES + 4 * k + 4 * (k + 1) + 4 * k,
})
const headBytes = (k: number, dim: number): number => partsOf(k).centroids + k * dim

/** @param listsBytes size of the other file: a head that claims more entries than there are bytes is refused */
export function decodeIvfHead(bytes: Uint8Array, listsBytes: number): Result<IvfHead, IvfError> {
  if (bytes.length < FIXED_BYTES) return corrupt('the head is cut short')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [magic, version, dim, k, n] = [0, 4, 8, 12, 16].map((at) => view.getUint32(at, true)) as [
    ...[number, number, number, number, number],
  ]
  if (magic !== MAGIC) return corrupt('this is no head of inverted lists')
  if (version !== VERSION) return corrupt(`version ${version} is not known`)
  if (dim === 0 || dim % DIM_STEP !== 0) return corrupt(`${dim} dimensions`)
  if (bytes.length !== headBytes(k, dim)) return corrupt(`${k} lists do not fit in ${bytes.length} bytes`)
  if (listsBytes !== n * entryBytes(dim)) return corrupt(`${n} entries are not in ${listsBytes} bytes`)
  const parts = partsOf(k)
  const u32 = (offset: number, length: number) =>
    Uint32Array.from({ length }, (_, at) => view.getUint32(offset + at * 4, true))
  const first = u32(parts.first, k + 1)
  if (first[0] !== 0 || first[k] !== n) return corrupt('the lists do not cover the entries')
  for (let at = 0; at < k; at++) if (first[at]! > first[at + 1]!) return corrupt('lists are not ascending')
  // Copied: a view must begin at a multiple of four bytes.
  const centroids = bytes.slice(parts.centroids)
  if (centroids.some((code) => code > CODE_MAX)) return corrupt('a centroid code has more than 7 bits')
  const centroidScale = Float32Array.from({ length: k }, (_, at) =>
    view.getFloat32(parts.scales + at * 4, true),
  )
  if (!centroidScale.every(Number.isFinite)) return corrupt('a centroid has no length')
  return ok({
    ...{ dim, listCount: k, entryCount: n, first, centroids, centroidScale },
    checksums: u32(parts.checksums, k),
    centroidSum: codeSums(centroids, dim, k),
  })
}

/** The `probes` lists whose centroids are nearest to the query, nearest first, empty ones left out. */
export function nearestLists(head: IvfHead, query: Float32Array, probes: number): number[] {
  const scores = new Float32Array(head.listCount)
  const { centroids, centroidSum, centroidScale, listCount, first } = head
  dotRows(centroids, centroidSum, centroidScale, listCount, quantiseQuery(query), scores)
  const best: number[] = []
  for (let list = 0; list < listCount; list++) {
    if (first[list + 1] === first[list]) continue
    if (best.length >= probes && scores[list]! <= scores[best.at(-1)!]!) continue
    const at = best.findIndex((other) => scores[other]! < scores[list]!)
    best.splice(at < 0 ? best.length : at, 0, list)
    best.length = Math.min(best.length, probes)
  }
  return best
}

export function rangeOf({ first, dim }: IvfHead, list: number): ByteRange {
  const from = first[list]!
  return { offset: from * entryBytes(dim), length: (first[list + 1]! - from) * entryBytes(dim) }
}

export type IvfMatch = { number: number; version: number; cosine: number }

/** Dot products of one list with the query, in the order of the list. Bytes that are not the list are an `err`. */
export function scanList(
  head: IvfHead,
  list: number,
  bytes: Uint8Array,
  query: Float32Array,
): Result<IvfMatch[], IvfError> {
  const { dim, first, checksums } = head
  const m = first[list + 1]! - first[list]!
  if (bytes.length !== m * entryBytes(dim))
    return corrupt(`list ${list} has ${bytes.length} bytes, not ${m * entryBytes(dim)}`)
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  if (checksumOf(aligned) !== checksums[list]) return corrupt(`list ${list} is not what the head says`)
  const codes = aligned.subarray(ENTRY_FIELDS_BYTES * m)
  const at = (column: number) => aligned.byteOffset + column * m * 4
  const numbers = new Uint32Array(aligned.buffer, at(0), m)
  const versions = new Uint32Array(aligned.buffer, at(1), m)
  const scores = new Float32Array(m)
  const scales = new Float32Array(aligned.buffer, at(2), m)
  dotRows(codes, codeSums(codes, dim, m), scales, m, quantiseQuery(query), scores)
  return ok(Array.from(scores, (cosine, row) => ({ number: numbers[row]!, version: versions[row]!, cosine })))
}

/** FNV-1a over 32-bit words. @param bytes a multiple of four, at a multiple of four */
function checksumOf(bytes: Uint8Array): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  let hash = FNV_BASIS
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i]!, FNV_PRIME)
  return hash >>> 0
}
