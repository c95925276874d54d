import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fixtureManifest, fixtureSegment } from '../retrieval/fixture.ts'
import { buildIndex } from '../retrieval/load-index.ts'
import { encodeDeadRows, findDeadRows, hideRows } from './dead-rows.ts'

describe('dead rows', () => {
  it('are those that an index of all segments does not show', async () => {
    const segments = [
      await fixtureSegment([
        { id: 'a', title: 'A' },
        { id: 'b', title: 'B' },
      ]),
      await fixtureSegment([{ number: 2, removed: true }], { version: 3 }),
      await fixtureSegment(
        [
          { id: 'a', title: 'A2' },
          { id: 'b', title: 'B2' },
        ],
        { version: 2 },
      ),
    ]
    const dead = findDeadRows(segments)
    expect(dead).toEqual([[0, 1], [], [1]])
    const whole = buildIndex(fixtureManifest(segments.map(({ ref }) => ref)), segments)
    let base = 0
    segments.forEach((segment, at) => {
      const hidden = hideRows(segment, encodeDeadRows(dead[at]!))
      expect(hidden.ok && [...hidden.value.live]).toEqual([...whole.live.subarray(base, base + segment.rows)])
      base += segment.rows
    })
  })
  it('any bytes are a list or an error, and leave the segment as it is', async () => {
    const segment = await fixtureSegment([
      { id: 'a', title: 'A' },
      { id: 'b', title: 'B' },
    ])
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        const read = hideRows(segment, bytes)
        if (!read.ok) expect(read.error.kind).toBe('corrupt')
        expect([...segment.live]).toEqual([1, 1])
      }),
    )
    expect(hideRows(segment, encodeDeadRows([1, 0])).ok).toBe(false)
    expect(hideRows(segment, encodeDeadRows([2])).ok).toBe(false)
    expect(hideRows(segment, encodeDeadRows([0, 1])).ok).toBe(true)
  })
})
