/**
 * @file Blocks of one WebAssembly memory. The memory grows and never shrinks, so that what is freed is what the next block is
 * made of: first fit, neighbouring holes are joined.
 */
import { assert } from '../lib/result.ts'
import type { Pointer } from './kernels.ts'

const PAGE_BYTES = 65_536
/** A cache line: no row of 64 components lies in two of them. */
const ALIGNMENT = 64

export type Arena = {
  readonly memory: WebAssembly.Memory
  /** A block of at least so many bytes, aligned to a cache line, with anything in it. Throws when the memory cannot grow. */
  allocate(bytes: number): Pointer
  free(at: Pointer): void
  /** Bytes in blocks. */
  usedBytes(): number
}

export function createArena(): Arena {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const blocks = new Map<Pointer, number>()
  /** By address. The first line stays free, so that no block is at 0. */
  const holes: { at: Pointer; bytes: number }[] = [{ at: ALIGNMENT, bytes: PAGE_BYTES - ALIGNMENT }]
  let used = 0

  function addHole(at: Pointer, bytes: number): void {
    let next = holes.findIndex((hole) => hole.at > at)
    if (next < 0) next = holes.length
    const hole = { at, bytes }
    holes.splice(next, 0, hole)
    const after = holes[next + 1]
    if (after && hole.at + hole.bytes === after.at) {
      hole.bytes += after.bytes
      holes.splice(next + 1, 1)
    }
    const before = holes[next - 1]
    if (before && before.at + before.bytes === hole.at) {
      before.bytes += hole.bytes
      holes.splice(next, 1)
    }
  }

  function grow(bytes: number): void {
    const end = memory.buffer.byteLength
    const last = holes.at(-1)
    const free = last && last.at + last.bytes === end ? last.bytes : 0
    const pages = Math.ceil((bytes - free) / PAGE_BYTES)
    memory.grow(pages)
    addHole(end, pages * PAGE_BYTES)
  }

  return {
    memory,
    allocate(wanted) {
      assert(Number.isSafeInteger(wanted) && wanted >= 0, `a block of ${wanted} bytes`)
      const bytes = Math.max(ALIGNMENT, Math.ceil(wanted / ALIGNMENT) * ALIGNMENT)
      if (!holes.some((hole) => hole.bytes >= bytes)) grow(bytes)
      const index = holes.findIndex((hole) => hole.bytes >= bytes)
      const hole = holes[index]!
      const { at } = hole
      hole.at += bytes
      hole.bytes -= bytes
      if (hole.bytes === 0) holes.splice(index, 1)
      blocks.set(at, bytes)
      used += bytes
      return at
    },
    free(at) {
      const bytes = blocks.get(at)
      assert(bytes !== undefined, `nothing was allocated at ${at}`)
      blocks.delete(at)
      used -= bytes
      addHole(at, bytes)
    },
    usedBytes: () => used,
  }
}
