import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createArena } from './arena.ts'

/** Allocate so many bytes, or free one of the blocks that are there. */
const step = fc.oneof(fc.record({ bytes: fc.nat(300_000) }), fc.record({ free: fc.nat(50) }))

describe('an arena', () => {
  it('gives blocks that are whole lines, inside the memory, and never overlap', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const arena = createArena()
        const held: { at: number; bytes: number }[] = []
        for (const one of steps) {
          if ('free' in one) {
            if (held.length > 0) arena.free(held.splice(one.free % held.length, 1)[0]!.at)
            continue
          }
          const at = arena.allocate(one.bytes)
          expect(at % 64).toBe(0)
          expect(at).toBeGreaterThan(0)
          expect(at + one.bytes).toBeLessThanOrEqual(arena.memory.buffer.byteLength)
          for (const other of held)
            expect(at >= other.at + other.bytes || other.at >= at + Math.max(1, one.bytes)).toBe(true)
          held.push({ at, bytes: one.bytes })
        }
        for (const { at } of held) arena.free(at)
        expect(arena.usedBytes()).toBe(0)
      }),
      { seed: 11, numRuns: 60 },
    )
  })
  it('makes new blocks of freed ones, whatever the order they were freed in', () => {
    const arena = createArena()
    const blocks = Array.from({ length: 10 }, () => arena.allocate(100_000))
    const size = arena.memory.buffer.byteLength
    for (const at of [3, 1, 2, 9, 0, 8, 7, 4, 5, 6]) arena.free(blocks[at]!)
    arena.allocate(1_000_000)
    expect(arena.memory.buffer.byteLength).toBe(size)
  })
  it('refuses to free what it did not give', () => {
    const arena = createArena()
    const at = arena.allocate(10)
    arena.free(at)
    expect(() => arena.free(at)).toThrow('nothing was allocated')
  })
})
