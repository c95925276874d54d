/**
 * @file Rows of a segment that newer ones in other segments replace. Who has all segments of an index sees that by itself; a
 * shard has some, and is told. Layout: row numbers, u32 little-endian, ascending, nothing else.
 */
import { err, ok, type Result } from '../lib/result.ts'
import type { FormatError, Segment } from './decode.ts'

const ROW_BYTES = 4

/** Of each segment, in their order. Of two rows with the same number and version the one in the later segment counts. */
export function findDeadRows(segments: readonly Pick<Segment, 'rows' | 'number' | 'version'>[]): number[][] {
  const newest = new Map<number, { at: number; row: number; version: number }>()
  const dead: number[][] = segments.map(() => [])
  segments.forEach(({ rows, number, version }, at) => {
    for (let row = 0; row < rows; row++) {
      const held = newest.get(number[row]!)
      if (held && held.version > version[row]!) {
        dead[at]!.push(row)
        continue
      }
      if (held) dead[held.at]!.push(held.row)
      newest.set(number[row]!, { at, row, version: version[row]! })
    }
  })
  return dead.map((rows) => rows.sort((a, b) => a - b))
}

export function encodeDeadRows(rows: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(rows.length * ROW_BYTES)
  const view = new DataView(bytes.buffer)
  rows.forEach((row, at) => {
    view.setUint32(at * ROW_BYTES, row, true)
  })
  return bytes
}

/** The segment with these rows hidden. Malformed input is an `err`, never a throw. */
export function hideRows(segment: Segment, bytes: Uint8Array): Result<Segment, FormatError> {
  const corrupt = (reason: string) => err({ kind: 'corrupt' as const, reason })
  if (bytes.length % ROW_BYTES !== 0) return corrupt('the list of dead rows ends within a number')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const live = segment.live.slice()
  for (let at = 0, before = -1; at < bytes.length; at += ROW_BYTES) {
    const row = view.getUint32(at, true)
    if (row >= segment.rows) return corrupt('a dead row does not exist')
    if (row <= before) return corrupt('dead rows are not ascending')
    before = row
    live[row] = 0
  }
  return ok({ ...segment, live })
}
