import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fixtureSegment } from '../../shared/retrieval/fixture.ts'
import type { BatchRow } from '../../shared/schema/jobs.ts'
import { type IndexedState, indexedState, planDelta } from './plan-delta.ts'

const empty: IndexedState = { versionOf: () => 0, vectorOf: () => null }
const batchRow = fc
  .record({ number: fc.integer({ min: 1, max: 6 }), version: fc.integer({ min: 1, max: 5 }) })
  .map(
    ({ number, version }): BatchRow => ({
      number,
      version,
      contentHash: 'c'.repeat(32),
      duplicateOf: null,
      item: null,
    }),
  )
const versionsOf = (rows: { row: BatchRow }[]) => rows.map(({ row }) => `${row.number}@${row.version}`)

describe('planDelta', () => {
  it('gives the same plan for every order and any repetition of the rows', () => {
    fc.assert(
      fc.property(fc.array(batchRow), fc.array(fc.nat(), { maxLength: 20 }), (rows, picks) => {
        const shuffled = [...rows]
          .reverse()
          .concat(rows.length > 0 ? picks.map((pick) => rows[pick % rows.length]!) : [])
        expect(versionsOf(planDelta(empty, shuffled).rows)).toEqual(versionsOf(planDelta(empty, rows).rows))
      }),
      { seed: 5 },
    )
  })
  it('plans nothing for rows that the index already shows', async () => {
    const segment = await fixtureSegment([{ id: 'a', title: 'x' }], { version: 3 })
    const row = (version: number): BatchRow => ({
      number: 1,
      version,
      contentHash: 'c'.repeat(32),
      duplicateOf: null,
      item: null,
    })
    const state = indexedState([segment])
    expect(planDelta(state, [row(2), row(3)]).rows).toEqual([])
    expect(versionsOf(planDelta(state, [row(4)]).rows)).toEqual(['1@4'])
  })
  it('takes the vector of unchanged content from the index and encodes only new content', async () => {
    const segment = await fixtureSegment([{ id: 'a', title: 'x', vector: Float32Array.of(1, 0, 0, 0) }])
    const state = indexedState([segment])
    const contentHash = segment.text.contentHash(0)
    const item = { id: 'a', title: 'x' } as never
    const known = { number: 1, version: 2, contentHash, duplicateOf: null, item }
    const fresh = { number: 2, version: 1, contentHash: 'f'.repeat(32), duplicateOf: null, item }
    const plan = planDelta(state, [known, fresh])
    expect(plan.toEncode).toBe(1)
    expect([...plan.rows[0]!.vector!.codes]).toEqual([...segment.vectors])
  })
})
