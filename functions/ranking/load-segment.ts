/**
 * @file A segment out of R2 into memory: vectors go to the engine as they arrive and are nowhere else, columns and terms stay as the files have
 * them. The segment exists when both files are known to be right, and not before.
 *
 * Vectors that did not fit are read again, by slices of rows: at once for the signs that a large part is searched by, in the
 * background for codes, when there is room. The manifest's SHA-256 is of the whole file and cannot say anything of a slice; its length
 * and the seven bits of each code are checked, so that a wrong slice gives wrong likenesses and nothing worse.
 */
import type { Manifest, SegmentRef } from '../../shared/schema/manifest.ts'
import { decodeColumns, type Segment } from '../../shared/segment/decode.ts'
import { createItemsReader, type ItemColumns } from '../../shared/segment/items-reader.ts'
import type { RowRange, VectorEngine, VectorPart } from '../../shared/vector/engine.ts'
import { isSevenBit } from '../../shared/vector/quantise.ts'
import type { CountFault } from './faults.ts'
import { inTime, loadBlob, type StreamDeps, streamBlob, Unusable } from './load-blob.ts'

/** A segment, and its vectors in the engine, unless they lie elsewhere: a part that the engine does not hold finds nothing. */
export type Loaded = { segment: Segment; part: VectorPart; hasVectors: boolean }

type LoadOptions = {
  /** False where they lie elsewhere. */
  hasVectors: boolean
  /** Receives the part as soon as it takes room, also when this throws: for whoever gives the load up. */
  placed: Set<VectorPart>
}
export type SegmentLoader = {
  load(ref: SegmentRef, options: LoadOptions): Promise<Loaded>
  /** Reads again what the engine had to give up and has room for now, small parts first. Never throws: estimates go on serving. False when something could not be read. */
  regain(loaded: Iterable<Loaded>): Promise<boolean>
}

type Deps = StreamDeps & { engine: VectorEngine; countFault: CountFault }

/** Bytes that a segment takes beside its vectors, as they are known before it is read. */
export const columnBytesOf = ({ model }: Manifest, { rows, items, terms }: SegmentRef): number =>
  terms.bytes + Math.max(0, items.bytes - rows * model.dim)

export function createSegmentLoader({ engine, countFault, ...deps }: Deps): SegmentLoader {
  const { bucket, timeout } = deps

  async function load(ref: SegmentRef, { hasVectors, placed }: LoadOptions): Promise<Loaded> {
    const reading = readItems(ref, (rows, dim) => {
      const part = hasVectors ? engine.reserve(rows, dim) : { rows, dim }
      placed.add(part)
      return part
    })
    const loading = inTime(timeout, ref.terms, loadBlob(bucket, ref.terms))
    const [items, terms] = await Promise.allSettled([reading, loading])
    if (items.status === 'rejected') throw items.reason
    if (terms.status === 'rejected') throw terms.reason
    const { columns, part } = items.value
    const decoded = decodeColumns(columns, terms.value, ref)
    if (!decoded.ok) throw malformed(ref, decoded.error.reason)
    const segment = decoded.value
    if (hasVectors) {
      engine.complete(part, valuesOf(segment))
      await giveWanted(segment, part)
    }
    return { segment, part, hasVectors }
  }

  async function readItems(
    ref: SegmentRef,
    reserve: (rows: number, dim: number) => VectorPart,
  ): Promise<{ columns: ItemColumns; part: VectorPart }> {
    let part: VectorPart | null = null
    const reader = createItemsReader(ref.items.bytes, ref.rows, {
      reserve(rows, dim) {
        part = reserve(rows, dim)
      },
      write(offset, bytes) {
        if (part) engine.write(part, offset, bytes)
      },
    })
    let fault: unknown = null
    // Read to its end also when it makes no sense: were these the bytes that were published?
    await streamBlob(deps, ref.items, (piece) => {
      if (fault) return
      try {
        reader.push(piece)
      } catch (error) {
        fault = error
      }
    })
    try {
      if (fault) throw fault
      return { columns: reader.end(), part: part! }
    } catch (error) {
      throw malformed(ref, error instanceof Error ? error.message : String(error))
    }
  }

  async function giveWanted(segment: Segment, part: VectorPart): Promise<void> {
    for (let range = engine.wanted(part); range; range = engine.wanted(part))
      engine.give(part, range.from, await inTime(timeout, segment.ref.items, readRows(segment, range)))
  }

  async function readRows({ ref, dim, vectorOffset }: Segment, { from, to }: RowRange): Promise<Uint8Array> {
    const range = { offset: vectorOffset + from * dim, length: (to - from) * dim }
    const found = await bucket.get(ref.items.key, { range })
    if (!found?.arrayBuffer) throw new Unusable('blob-missing', `${ref.items.key} is missing`)
    const codes = new Uint8Array(await found.arrayBuffer())
    const rows = `rows ${from} to ${to} of ${ref.items.key}`
    if (codes.length !== range.length)
      throw new Unusable('vectors-short-range', `${rows} are ${codes.length} bytes, not ${range.length}`)
    if (!isSevenBit(codes)) throw new Unusable('vectors-corrupt', `${rows} are not codes`)
    return codes
  }

  return {
    load,
    async regain(loaded) {
      const short = [...loaded].filter(({ part }) => engine.shortfall(part) !== null)
      try {
        for (const { segment, part } of short.sort((a, b) => a.part.rows - b.part.rows))
          while (engine.regain(part, valuesOf(segment))) await giveWanted(segment, part)
        return true
      } catch (error) {
        countFault(error instanceof Unusable ? error.fault : 'vectors-unreadable')
        return false
      }
    },
  }
}

const valuesOf = ({ vectorScale, number }: Segment) => ({ scales: vectorScale, numbers: number })

const malformed = ({ id }: SegmentRef, reason: string) =>
  new Unusable('segment-corrupt', `segment ${id} is malformed: ${reason}`)
